import { Analytics } from "@segment/analytics-node";
import { expect, test, vi } from "vitest";
import { type ArrivedEvent, startClientRig } from "./client-rig.ts";
import { conforms } from "./conformance.ts";

// Clients wait before they ask again, and a browser takes its time.
vi.setConfig({ testTimeout: 60_000 });

const SCHEMAS = { "checkout.paid": { type: "object", required: ["total"], properties: { total: { type: "number" } } } };

/** The client as an application has it, with what it told by its callbacks and how often it asked. */
class ObservedClient implements AsyncDisposable {
  readonly analytics: Analytics;
  /** One for each callback: `undefined` where the client says that the event was taken. */
  readonly told: (string | undefined)[] = [];
  readonly statuses: number[] = [];

  constructor(origin: string, path = "/v1/batch") {
    this.analytics = new Analytics({ writeKey: "wk_app", host: origin, path, flushInterval: 60_000 });
    this.analytics.on("http_response", ({ status }) => this.statuses.push(status));
    // Without a listener an error event would throw; the callbacks tell the same.
    this.analytics.on("error", () => {});
  }

  readonly callback = (error: unknown): void => {
    this.told.push(error instanceof Error ? error.message : undefined);
  };

  async [Symbol.asyncDispose](): Promise<void> {
    await this.analytics.closeAndFlush({ timeout: 5_000 });
  }
}

function segmentOf(event: ArrivedEvent | undefined): Record<string, unknown> {
  return JSON.parse(String(event?.["segment"])) as Record<string, unknown>;
}

test("all calls of analytics-node arrive with their ids, times and data, and it hears that they were taken", async () => {
  await using rig = await startClientRig({ schemas: SCHEMAS });
  await using client = new ObservedClient(rig.origin);
  const { analytics, callback } = client;
  const timestamp = new Date("2020-02-29T12:00:00.000Z");
  const who = { userId: "u-1", anonymousId: "a-1" };
  const context = { ip: "192.0.2.1", deep: { list: [1, null, "é"] } };
  analytics.identify({ ...who, messageId: "m-0", traits: { plan: "pro" }, context }, callback);
  analytics.track(
    { ...who, messageId: "m-1", event: "checkout.paid", properties: { total: 1.5 }, timestamp },
    callback,
  );
  analytics.page({ ...who, messageId: "m-2", category: "shop", name: "Home", properties: { url: "/" } }, callback);
  analytics.screen({ ...who, messageId: "m-3", name: "Main", properties: { dark: true } }, callback);
  analytics.group({ ...who, messageId: "m-4", groupId: "g-1", traits: { seats: 3 } }, callback);
  analytics.alias({ messageId: "m-5", userId: "u-1", previousId: "a-1" }, callback);
  await analytics.flush({ timeout: 10_000 });

  expect(client.told).toEqual(Array.from({ length: 6 }, () => undefined));
  expect(client.statuses).toEqual([200]);
  const events = await rig.arrived(6);
  expect(events.map(({ id, type, data }) => ({ id, type, data }))).toEqual([
    { id: "m-0", type: "identify", data: { plan: "pro" } },
    { id: "m-1", type: "checkout.paid", data: { total: 1.5 } },
    { id: "m-2", type: "page", data: { category: "shop", url: "/" } },
    { id: "m-3", type: "screen", data: { dark: true } },
    { id: "m-4", type: "group", data: { seats: 3 } },
    { id: "m-5", type: "alias", data: undefined },
  ]);
  expect(new Set(events.map((event) => event["userid"]))).toEqual(new Set(["u-1"]));
  expect(events.filter((event) => event["anonymousid"] === "a-1")).toHaveLength(5);
  // The clock is the same, so the correction is what sending took.
  const late = Date.parse(events[1]?.time ?? "") - timestamp.getTime();
  expect(late).toBeGreaterThanOrEqual(0);
  expect(late).toBeLessThan(10_000);
  expect(segmentOf(events[0])).toMatchObject({ type: "identify", context });
  expect(segmentOf(events[1])).toMatchObject({ type: "track", timestamp: timestamp.toISOString(), batch: {} });
  expect(segmentOf(events[2])).toMatchObject({ category: "shop", name: "Home" });
  expect(segmentOf(events[4])).toMatchObject({ groupId: "g-1" });
  expect(segmentOf(events[5])).toMatchObject({ previousId: "a-1" });
  expect(JSON.stringify(events)).not.toContain("wk_app");

  await conforms("segment-node", {
    protocol: "segment",
    client: "@segment/analytics-node",
    sent: "identify, track, page, screen, group and alias, in one batch",
    arrived: "6 events of 6, with their ids, types, times and data",
    clientSaw: "6 callbacks without an error",
  });
});

test("a batch of which nothing is valid is refused, and analytics-node tells each callback and does not ask again", async () => {
  await using rig = await startClientRig({ schemas: SCHEMAS });
  await using client = new ObservedClient(rig.origin);
  for (const total of ["1", "2"]) {
    client.analytics.track({ userId: "u", event: "checkout.paid", properties: { total } }, client.callback);
  }
  await client.analytics.flush({ timeout: 10_000 });
  expect(client.told).toEqual(["[400] Bad Request", "[400] Bad Request"]);
  expect(client.statuses).toEqual([400]);
});

test("of a batch of which a part is valid that part arrives, and analytics-node does not ask again", async () => {
  await using rig = await startClientRig({ schemas: SCHEMAS });
  await using client = new ObservedClient(rig.origin);
  for (const total of ["1", 2]) {
    client.analytics.track({ userId: "u", event: "checkout.paid", properties: { total } }, client.callback);
  }
  await client.analytics.flush({ timeout: 10_000 });
  expect([client.told, client.statuses]).toEqual([[undefined, undefined], [200]]);
  expect((await rig.arrived(1)).map(({ data }) => data)).toEqual([{ total: 2 }]);
});

test("over its quota analytics-node is told to wait, does, and loses nothing", async () => {
  await using rig = await startClientRig({ source: "quota: { eventsPerSecond: 1, burst: 1 }" });
  await using client = new ObservedClient(rig.origin, "/v1/import");
  // Paid for on credit of four seconds, so that the next batch comes too early.
  for (const event of ["1", "2", "3", "4", "5"]) client.analytics.track({ userId: "u", event }, client.callback);
  await client.analytics.flush({ timeout: 30_000 });
  client.analytics.track({ userId: "u", event: "6" }, client.callback);
  await client.analytics.flush({ timeout: 30_000 });
  expect(client.told).toEqual(Array.from({ length: 6 }, () => undefined));
  expect(client.statuses).toEqual([200, 429, 200]);
  expect((await rig.arrived(6)).map(({ type }) => type)).toEqual(["1", "2", "3", "4", "5", "6"]);
});
