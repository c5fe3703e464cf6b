import { expect, test } from "vitest";
import { sourceConfig } from "../config.ts";
import { Redaction } from "./redaction.ts";

test("the places of problems that are kept quote no name from within a redacted field", () => {
  const config = sourceConfig.parse({
    name: "web",
    keys: ["wk_web"],
    redact: [
      { pointer: "/data/address", action: "hash" },
      { pointer: "/data/people/*", action: "remove" },
      { pointer: "/data/items/*/email", action: "remove" },
    ],
    hashSecret: "0123456789abcdef",
  });
  const kept = (pointer: string) =>
    Redaction.of(config)?.warned({ index: 0, problems: [{ code: "type", pointer, message: "" }] }).kept?.[0]?.pointer;
  expect(kept("/data/address/a@b.example/0")).toBe("/data/address");
  expect(kept("/data/people/a@b.example")).toBe("/data/people/*");
  expect(kept("/data/people/a~1b/name")).toBe("/data/people/*");
  expect(kept("/data/items/3/email/a")).toBe("/data/items/3/email");
  for (const pointer of ["", "/data", "/data/people", "/data/items/3/name", "/id"]) expect(kept(pointer)).toBe(pointer);
});
