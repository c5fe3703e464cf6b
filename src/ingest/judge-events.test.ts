import { expect, test } from "vitest";
import { testValidator } from "./ingest-server-fixture.ts";
import { Judge } from "./judge-events.ts";
import { readEvent } from "./protocols/event-form.ts";

test("a judged event keeps its bytes and lets go of its parsed data, which is many times as large", () => {
  const object = { type: "checkout.paid", data: { total: 5 } };
  const raw = Buffer.from(JSON.stringify(object));
  const rules = {
    validation: "enforce",
    unknownTypes: "accept",
    requireId: false,
    redaction: undefined,
    attributes: undefined,
  } as const;
  const judge = new Judge(rules, testValidator);
  judge.add(readEvent(object, raw, 2));
  expect(judge.valid).toMatchObject([{ type: "checkout.paid", raw, data: undefined }]);
});
