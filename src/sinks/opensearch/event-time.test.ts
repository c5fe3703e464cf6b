import * as fc from "fast-check";
import { expect, test } from "vitest";
import { findEventTime } from "./event-time.ts";

test("finds the event's own time wherever it stands, and none of those within data", () => {
  const time = "2026-11-27T12:00:00.5+01:00";
  const events = [
    `{"time":"${time}","data":{"time":"x"}}`,
    `{"data":{"time":"x","a":["}\\"",{"time":1}]},"time" : "${time}"}`,
    `{"text":"\\\\","more":"\\"time\\":\\"x\\"","value":"time","time":"${time}"}`,
  ];
  for (const event of events) expect(findEventTime(Buffer.from(event)).time).toBe(time);
  expect(findEventTime(Buffer.from('{"data":{"time":"x"},"a":"time"}')).time).toBeUndefined();
});

test("is what parsing finds, in any event", () => {
  const name = fc.constantFrom("time", "@timestamp", "data", 'q"', "\\", "日");
  const members = fc.dictionary(name, fc.oneof(fc.jsonValue(), fc.constant("2026-11-27T12:00:00Z")));
  fc.assert(
    fc.property(members, fc.constantFrom(undefined, 1), (event, space) => {
      const found = findEventTime(Buffer.from(JSON.stringify(event, undefined, space)));
      const time = event["time"];
      const isPlain = typeof time === "string" && JSON.stringify(time) === `"${time}"` && /^[\x20-\x7e]*$/.test(time);
      if (isPlain || typeof time !== "string") expect(found.time).toBe(isPlain ? time : undefined);
      expect(found.hasTimestamp).toBe(Object.hasOwn(event, "@timestamp"));
    }),
  );
});
