import { expect, test } from "vitest";
import { staleDocuments } from "../scripts/generate-docs.ts";

test("the generated documents are what the code says (npm run docs writes them)", async () => {
  const stale = await staleDocuments();
  expect(stale.map((document) => document.file)).toEqual([]);
});
