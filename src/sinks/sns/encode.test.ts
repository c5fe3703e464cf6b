import { expect, test } from "vitest";
import { collectedEvents } from "../sink-fixture.ts";
import { encodePublishBatch } from "./encode.ts";

test("a source with half of a character, as other senders than the collector may write it, is sent", () => {
  const odd = collectedEvents(1).map((event) => ({ ...event, source: "a\ud800", type: "b\udc00" }));
  const settings = { topicArn: "arn:aws:sns:us-east-1:123456789012:t", attributes: true, messageGroup: "source" };
  const form = new URLSearchParams(encodePublishBatch(odd, settings).toString());
  const values = [...form].filter(([name]) => name.endsWith(".StringValue")).map(([, value]) => value);
  expect(values).toEqual(["b\ufffd", "a\ufffd"]);
});
