import { expect, test } from "vitest";
import { summarize } from "../core/ledger-summary.ts";
import { ledgerReport } from "./ledger-report.ts";

test("the report says of which slots the figures are not the last ones, and nothing of that when all are", () => {
  expect(ledgerReport(summarize([]))).not.toContain("last figures");
  expect(ledgerReport(summarize([], ["0"]))).toContain(
    "Not the last figures: of slot 0, what was known before the end.",
  );
  expect(ledgerReport(summarize([], ["0", "2"]))).toContain("of slots 0, 2,");
});
