import { expect, test } from "vitest";
import { kafkaConfig } from "./config.ts";

const LEAST = { name: "log", type: "kafka", bootstrapServers: ["broker:9092"], topic: "events" };

test("brokers and a topic are enough, and the defaults lose nothing", () => {
  expect(kafkaConfig.parse(LEAST)).toMatchObject({
    acks: "all",
    key: "id",
    compression: "none",
    maxMessageBytes: 1_048_588,
  });
});

test.each([
  ["a server with a path", { bootstrapServers: ["kafka://a/b"] }, "host:port"],
  ["a topic that Kafka has no name for", { topic: "a b" }, "a topic has"],
  ["a template without a fallback", { topic: "e.{type}" }, "events whose topic does not exist would wait for ever"],
  ["a fallback without a template", { fallbackTopic: "other" }, "has no meaning"],
  ["a key that is neither word nor pointer", { key: "userId" }, "JSON Pointer"],
  ["acks of nobody", { acks: "none" }, "Invalid option"],
  ["a user without a password", { sasl: { mechanism: "plain", username: "u" } }, "a username and a password"],
  ["a token where none is meant", { sasl: { mechanism: "scram-sha-256", token: "t" } }, "a username and a password"],
  ["a key it does not know", { brokers: [] }, "Unrecognized key"],
])("refuses %s", (_, change, message) => {
  const result = kafkaConfig.safeParse({ ...LEAST, ...change });
  expect(result.error?.issues.map((issue) => issue.message).join("\n")).toContain(message);
});
