import { expect, test } from "vitest";
import { hasPlaceholder, isTopicTemplate, topicName } from "./topic-name.ts";

test.each(["events", "a.b_c-D9", "events.{source}.{type}", "{source}.{type}", "x".repeat(249)])(
  "%s is a topic",
  (text) => {
    expect(isTopicTemplate(text)).toBe(true);
  },
);

test.each(["", ".", "..", "{type}", "{type}.events", "a b", "a/{type}", "{kind}", "{type", "x".repeat(250)])(
  "%j is none",
  (text) => {
    expect(isTopicTemplate(text)).toBe(false);
  },
);

test("whatever an event's type is, its topic has a name that Kafka takes", () => {
  for (const type of ["order.paid", "../../x", "é 日本", ".", "..", "", "x".repeat(255), "$1{source}"]) {
    const name = topicName("{type}", { source: "web", type }) || topicName("e-{type}", { source: "web", type });
    expect(name).toMatch(/^[A-Za-z0-9._-]{1,249}$/);
    expect([".", ".."]).not.toContain(name);
  }
  expect(topicName("events.{source}.{type}", { source: "web", type: "a b/c" })).toBe("events.web.a_b_c");
});

test("a template is told from a name", () => {
  expect([hasPlaceholder("events"), hasPlaceholder("events.{type}")]).toEqual([false, true]);
});
