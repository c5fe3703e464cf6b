import { expect, test } from "vitest";
import { testValidator } from "./ingest-server-fixture.ts";
import { judgeEvents } from "./judge-events.ts";
import { readEvent } from "./protocols/event-form.ts";

test("a judged event keeps its bytes and lets go of its parsed data, which is many times as large", () => {
  const object = { type: "checkout.paid", data: { total: 5 } };
  const raw = Buffer.from(JSON.stringify(object));
  const rules = { validation: "enforce", unknownTypes: "accept", requireId: false } as const;
  const { valid } = judgeEvents([readEvent(object, raw, 2)], rules, testValidator);
  expect(valid).toMatchObject([{ type: "checkout.paid", raw, data: undefined }]);
});
