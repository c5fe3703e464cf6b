import { expect, test } from "vitest";
import { workerFlags } from "./worker-program.ts";

test("workers get a bound for young objects, unless the operator has chosen one", () => {
  expect(workerFlags(["--stack-size=900"], undefined)).toEqual(["--stack-size=900", "--max-semi-space-size=16"]);
  expect(workerFlags(["--max-semi-space-size=4"], undefined)).toEqual(["--max-semi-space-size=4"]);
  expect(workerFlags([], "--max-semi-space-size=4")).toEqual([]);
});
