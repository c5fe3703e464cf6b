import { readFileSync } from "node:fs";
import { Validator } from "@seriousme/openapi-schema-validator";
import { expect, test } from "vitest";
import { ERROR_CODES } from "../core/errors.ts";
import { httpConfig } from "./config.ts";
import { openapiDocument } from "./openapi.ts";
import { PROBLEM_CODES } from "./problems.ts";

const document = openapiDocument("1.2.3", httpConfig.parse(undefined));

test("the description of the event port is valid OpenAPI 3.1", async () => {
  const result = await new Validator().validate(structuredClone(document));
  expect(result).toMatchObject({ valid: true });
});

test("every problem code is a documented answer of some path", () => {
  const answers = JSON.stringify(document.paths);
  expect(PROBLEM_CODES.filter((code) => !answers.includes(`"${code}"`))).toEqual([]);
});

test("every reference in it leads somewhere", () => {
  for (const [, kind = "", name = ""] of JSON.stringify(document).matchAll(/"\$ref":"#\/components\/(\w+)\/(\w+)"/g)) {
    expect(document).toHaveProperty(["components", kind, name]);
  }
});

test("every code is explained in docs/errors.md", () => {
  const page = readFileSync(new URL("../../docs/errors.md", import.meta.url), "utf8");
  const missing = [...PROBLEM_CODES, ...ERROR_CODES, "id_required"].filter((code) => !page.includes(`\`${code}\``));
  expect(missing).toEqual([]);
});
