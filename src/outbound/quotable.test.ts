import * as fc from "fast-check";
import { expect, test } from "vitest";
import { quotable } from "./quotable.ts";

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
