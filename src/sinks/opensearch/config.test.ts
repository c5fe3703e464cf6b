import { expect, test } from "vitest";
import { elasticsearchConfig, opensearchConfig } from "./config.ts";

const least = { name: "search", type: "opensearch", urls: ["https://search.example:9200"] };

test.each([
  { urls: [] },
  { urls: ["search.example:9200"] },
  { urls: ["no URL"] },
  { urls: ["https://user:secret@search.example"] },
  { urls: ["https://:secret@search.example"] },
  { urls: ["https://search.example/?token=secret"] },
  { index: "Events" },
  { username: "u" },
  { username: "u", password: "p", aws: { region: "eu-west-1" } },
  { apiKey: "abc" },
  { setup: { deleteAfterDays: 30 }, dataStream: false },
  { batch: { maxBytes: "100MiB" } },
  { urls: ["http://127.0.0.1:9200"], tls: { serverName: "search" } },
])("refuses %j", (change) => {
  expect(opensearchConfig.safeParse({ ...least, ...change }).success).toBe(false);
});

test("takes each way to authenticate, of the product that has it", () => {
  expect(opensearchConfig.safeParse(least).success).toBe(true);
  expect(opensearchConfig.safeParse({ ...least, aws: { region: "eu-west-1", service: "aoss" } }).success).toBe(true);
  const elastic = { ...least, type: "elasticsearch" };
  expect(elasticsearchConfig.safeParse({ ...elastic, apiKey: "aWQ6a2V5" }).success).toBe(true);
  expect(elasticsearchConfig.safeParse({ ...elastic, username: "u", password: "p" }).success).toBe(true);
  expect(elasticsearchConfig.safeParse({ ...elastic, aws: { region: "eu-west-1" } }).success).toBe(false);
});
