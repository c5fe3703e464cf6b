import path from "node:path";
import { PassThrough, Readable } from "node:stream";
import { expect, test } from "vitest";
import { runCli } from "../../src/cli/run-cli.ts";
import { createClient, type TrackArguments } from "../../src/client.ts";
import type { MillraceEvents } from "../kit/quickstart-events.ts";

const root = path.join(import.meta.dirname, "../..");

const client = createClient<MillraceEvents>({ url: "http://127.0.0.1:1", key: "wk", maxQueueBytes: 1 });
const anything = createClient({ url: "http://127.0.0.1:1", key: "wk", maxQueueBytes: 1 });

test("the types that the mistakes below are held against are those of the quickstart's schemas", async () => {
  const sink = new PassThrough();
  const exitCode = await runCli(
    ["schema", "types", "--schemas", "examples/quickstart/schemas", "--check", "test/kit/quickstart-events.ts"],
    { stdin: Readable.from([]), stdout: sink, stderr: sink, env: {}, cwd: root },
  );
  expect(exitCode).toBe(0);
});

/*
 * The compiler is the test here: a line that is expected to be an error and is none fails `tsc`. Nothing is sent,
 * since there is no room in the queue.
 */

test("what the schemas allow compiles", () => {
  client.track("page.viewed", { path: "/" });
  client.track("page.viewed", { path: "/", load_ms: 12 }, { id: "a", attributes: { userid: "u" } });
  const currency = "EUR";
  const items = [{ sku: "mug", price: 12.5 }] as const;
  client.track("checkout.paid", { order_id: "o-1", total: 12.5, currency, items });
  anything.track("whatever");
  anything.track("whatever", { a: 1 });
  expect(client.counts().dropped.queue_full).toBe(3);
});

test("mistakes do not", () => {
  // @ts-expect-error: the schemas have no such type
  client.track("page.vewed", { path: "/" });
  // @ts-expect-error: a required property is missing
  client.track("page.viewed", { title: "Cart" });
  // @ts-expect-error: the schema has no such property
  client.track("page.viewed", { path: "/", loadMs: 12 });
  // @ts-expect-error: a property has the wrong type
  client.track("page.viewed", { path: 5 });
  // @ts-expect-error: data is missing
  client.track("page.viewed");
  // @ts-expect-error: none of the currencies
  client.track("checkout.paid", { order_id: "o-1", total: 1, currency: "CHF", items: [] });
  // @ts-expect-error: a property is missing in a list
  client.track("checkout.paid", { order_id: "o-1", total: 1, currency: "EUR", items: [{ sku: "mug" }] });
  // @ts-expect-error: data of another type
  client.track("page.viewed", { order_id: "o-1", total: 1, currency: "EUR", items: [] });
  // @ts-expect-error: attributes have no objects
  client.track("page.viewed", { path: "/" }, { attributes: { context: {} } });
  // @ts-expect-error: there is no such level
  createClient({ url: "http://127.0.0.1:1", key: "wk", ack: "sent" });
  expect(client.counts().acknowledged).toBe(0);
});

test("functions that pass on what they are given keep the types", () => {
  function tracked<Type extends keyof MillraceEvents>(type: Type, ...event: TrackArguments<MillraceEvents[Type]>) {
    return client.track(type, ...event);
  }
  expect(tracked("page.viewed", { path: "/" })).toMatch(/^[0-9a-f-]{36}$/);
});
