import { expect, test } from "vitest";
import { connectionsWithin } from "./open-files.ts";

test.each([
  { files: undefined, wanted: 20_000, connections: 20_000 },
  { files: 65_536, wanted: 20_000, connections: 20_000 },
  { files: 1_024, wanted: 20_000, connections: 824 },
  { files: 200, wanted: 20_000, connections: 100 },
  { files: 1_024, wanted: 500, connections: 500 },
])("of $files files, $connections are for connections where $wanted are asked for", (given) => {
  expect(connectionsWithin(given.files, given.wanted)).toBe(given.connections);
});
