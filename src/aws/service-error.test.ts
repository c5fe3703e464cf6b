import * as fc from "fast-check";
import { expect, test } from "vitest";
import { blamesIdentity, quotable, readServiceError } from "./service-error.ts";

test("reads code and message of an AWS JSON error, with or without a namespace", () => {
  const plain = Buffer.from('{"__type":"ExpiredTokenException","message":"too old"}');
  const spaced = Buffer.from('{"__type":"com.amazon.coral.service#ExpiredTokenException","Message":"too old"}');
  expect(readServiceError(plain)).toEqual({ code: "ExpiredTokenException", message: "too old" });
  expect(readServiceError(spaced)).toEqual({ code: "ExpiredTokenException", message: "too old" });
  expect(blamesIdentity(readServiceError(plain))).toBe(true);
});

test.each(["", "<html>502</html>", "null", "[1]", '"x"', "{", '{"__type":5,"message":{}}'])(
  "finds neither code nor message in %j",
  (body) => {
    expect(readServiceError(Buffer.from(body))).toEqual({ code: undefined, message: "" });
  },
);

/** Any UTF-16 unit, so control characters and halves of pairs too. */
const anyUnit = fc.nat(0xffff).map((unit) => String.fromCharCode(unit));

test("quotes foreign text in one short line without control characters", () => {
  fc.assert(
    fc.property(fc.string({ unit: anyUnit, maxLength: 500 }), (text) => {
      const quoted = quotable(text);
      expect(quoted.length).toBeLessThanOrEqual(200);
      expect(quoted).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}]/u);
    }),
    { numRuns: 30 },
  );
});
