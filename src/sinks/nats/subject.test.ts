import { expect, test } from "vitest";
import { covers, coverOf, isSubjectTemplate, subjectOf } from "./subject.ts";

test.each(["events", "events.{source}.{type}", "a.b-c.x{type}"])("%s is a subject", (text) => {
  expect(isSubjectTemplate(text)).toBe(true);
});

test.each(["", "{type}", "x{type}", "a..b", "a.*", "a.>", "$JS.API.x", "a.$b", "_INBOX.{type}", "a b"])(
  "%j is none, or leads where events must not go",
  (text) => {
    expect(isSubjectTemplate(text)).toBe(false);
  },
);

test("whatever an event's type is, its subject is one and stays below the fixed part", () => {
  for (const type of ["order.paid", "*", ">", "a b", "..", ".x.", "", "$JS.API.STREAM.DELETE.x", "é\r\nPUB x"]) {
    expect(subjectOf("events.{type}", { source: "web", type })).toMatch(/^events(\.[A-Za-z0-9_-]+)+$/);
  }
  expect(subjectOf("events.{source}.{type}", { source: "web", type: "order.paid" })).toBe("events.web.order.paid");
});

test("the wildcard over a template covers all that it makes", () => {
  expect(coverOf("events.{source}.{type}")).toBe("events.>");
  expect(coverOf("events.all")).toBe("events.all");
});

test.each([
  [">", "events.>", true],
  ["events.>", "events.>", true],
  ["events.*", "events.>", false],
  ["events.*", "events.a", true],
  ["events.*.x", "events.a.x", true],
  ["events.a", "events.b", false],
  ["events.>", "events", false],
  ["events.a.b", "events.a", false],
])("%s covers %s: %s", (wide, narrow, expected) => {
  expect(covers(wide, narrow)).toBe(expected);
});
