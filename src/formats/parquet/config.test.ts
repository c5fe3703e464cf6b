import { expect, test } from "vitest";
import { typedColumns } from "./config.ts";

test.each([
  ["two of a name", [{ name: "total" }, { name: "total" }], "the same name"],
  ["one that every file has", [{ name: "data" }], "already"],
  ["one that folders give", [{ name: "hour" }], "already"],
  ["one that differs from another in its case only", [{ name: "Total" }], "lower-case"],
  ["no pointer", [{ name: "total", from: "data.total" }], "JSON Pointer"],
])("columns are refused: %s", (_why, columns, words) => {
  const parsed = typedColumns.safeParse(columns.map((column) => ({ from: "/data/total", type: "double", ...column })));
  expect(parsed.error?.issues.map(({ message }) => message).join()).toContain(words);
});

test("no columns are the default", () => {
  expect(typedColumns.parse(undefined)).toEqual([]);
});
