import { expect, test } from "vitest";
import { collectedEvents } from "../sink-fixture.ts";
import { eventbridgeConfig } from "./config.ts";
import { encodePutEvents, entryBytes } from "./encode.ts";

test("an entry has the event as it is, its type, its source and when it was received", () => {
  const body = encodePutEvents(collectedEvents(1), { bus: "shop", source: undefined });
  const entry = { EventBusName: "shop", Source: "web", DetailType: "a.type", Time: 0, Detail: '{"n":0}' };
  expect(JSON.parse(body.toString())).toEqual({ Entries: [entry] });
  const bytes = collectedEvents(1).map((event) => entryBytes(event, { bus: "shop", source: undefined }));
  expect(bytes).toEqual([7 + 3 + 6 + 14]);
});

test("a type that is too long is cut, without half of a character", () => {
  const events = collectedEvents(1).map((event) => ({ ...event, type: `${"x".repeat(127)}🦥` }));
  const {
    Entries: [entry],
  } = JSON.parse(encodePutEvents(events, { bus: "b", source: "s" }).toString()) as {
    Entries: [{ DetailType: string; Source: string }];
  };
  expect(entry.DetailType).toBe(`${"x".repeat(127)}\uFFFD`);
  expect(entry.Source).toBe("s");
});

test.each([
  ["a source that only AWS may use", { source: "aws.shop" }, "aws."],
  ["a bus without a region", { region: undefined }, "needed unless `bus` is an ARN"],
])("refuses %s", (_, change, message) => {
  const config = { name: "bus", type: "eventbridge", region: "us-east-1", ...change };
  expect(eventbridgeConfig.safeParse(config).error?.issues[0]?.message).toContain(message);
});
