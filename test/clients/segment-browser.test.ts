import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { build } from "esbuild";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { startChromium, whyNoChromium } from "../kit/chromium.ts";
import { waitFor } from "../kit/wait-for.ts";
import { startClientRig } from "./client-rig.ts";
import { conforms } from "./conformance.ts";

// Clients wait before they ask again, and a browser takes its time.
vi.setConfig({ testTimeout: 60_000 });

let browser: Awaited<ReturnType<typeof startChromium>>;
let script: string;
beforeAll(async () => {
  browser = await startChromium();
  const { outputFiles } = await build({
    entryPoints: [path.join(import.meta.dirname, "segment-page.ts")],
    bundle: true,
    write: false,
    format: "iife",
    platform: "browser",
    define: { "process.env.NODE_ENV": '"production"' },
    logLevel: "silent",
  });
  script = outputFiles[0]?.text ?? "";
}, 300_000);
afterAll(async () => {
  await browser?.close();
});

/** A page of an origin of its own, and what it asked of others. */
interface ShopPage extends AsyncDisposable {
  readonly page: Page;
  readonly origin: string;
  /** `METHOD url status` in the order of the answers, preflights too. */
  readonly requests: string[];
  call(name: string, ...args: unknown[]): Promise<{ readonly id: string; readonly failed?: string }>;
}

async function openShop(collector: string, deliveryStrategy?: object): Promise<ShopPage> {
  if (browser === undefined) throw new Error(whyNoChromium);
  await using opened = new AsyncDisposableStack();
  const server = createServer((request, response) => {
    const isScript = request.url === "/shop.js";
    response.setHeader("Content-Type", isScript ? "text/javascript" : "text/html");
    response.end(isScript ? script : "<!doctype html><title>Shop</title><script src=/shop.js></script>");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  opened.defer(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const page = await browser.newPage();
  opened.defer(() => page.close());
  const requests = await watchRequests(page);
  const origin = `http://127.0.0.1:${port}`;
  await page.goto(origin);
  const host = `${new URL(collector).host}/v1`;
  await page.evaluate(`load(${JSON.stringify(host)}, ${JSON.stringify(deliveryStrategy)})`);
  const closing = opened.move();
  return {
    page,
    origin,
    requests,
    call: (name, ...args) => page.evaluate(`call(${[name, ...args].map((value) => JSON.stringify(value)).join(",")})`),
    [Symbol.asyncDispose]: () => closing.disposeAsync(),
  };
}

/** Preflights are seen by the debugger only. */
async function watchRequests(page: Page): Promise<string[]> {
  const session = await page.context().newCDPSession(page);
  const asked = new Map<string, string>();
  const answered: string[] = [];
  session.on("Network.requestWillBeSent", ({ requestId, request }) => {
    asked.set(requestId, `${request.method} ${request.url}`);
  });
  session.on("Network.responseReceived", ({ requestId, response }) => {
    answered.push(`${asked.get(requestId) ?? "?"} ${response.status}`);
  });
  await session.send("Network.enable");
  return answered;
}

test("all calls of analytics-next in a page of another origin arrive, and its promises say that they were taken", async (context) => {
  if (browser === undefined) return context.skip(whyNoChromium);
  await using rig = await startClientRig();
  await using shop = await openShop(rig.origin);
  const told = [
    await shop.call("page", "shop", "Home", { dark: true }),
    await shop.call("identify", "u-1", { plan: "pro" }),
    await shop.call("track", "checkout.paid", { total: 1.5 }),
    await shop.call("group", "g-1", { seats: 3 }),
    await shop.call("screen", "Main", { wide: false }),
    await shop.call("alias", "u-2"),
  ];
  expect(told.map(({ failed }) => failed)).toEqual(told.map(() => undefined));
  expect(await shop.page.evaluate("errors")).toEqual([]);

  const events = await rig.arrived(6);
  expect(events.map(({ id }) => id)).toEqual(told.map(({ id }) => id));
  expect(events.map(({ type }) => type)).toEqual(["page", "identify", "checkout.paid", "group", "screen", "alias"]);
  expect(events.map(({ data }) => data)).toMatchObject([
    { dark: true, url: `${shop.origin}/` },
    { plan: "pro" },
    { total: 1.5 },
    { seats: 3 },
    { wide: false },
    undefined,
  ]);
  expect(events.slice(1, 5).map((event) => event["userid"])).toEqual(["u-1", "u-1", "u-1", "u-1"]);
  expect(new Set(events.map((event) => event["anonymousid"])).size).toBe(1);
  expect(JSON.parse(String(events[2]?.["segment"]))).toMatchObject({
    type: "track",
    sentAt: expect.any(String),
    context: { page: { title: "Shop" }, library: { name: "analytics.js" } },
  });
  expect(JSON.stringify(events)).not.toContain("wk_app");

  const foreign = shop.requests.filter((request) => !request.includes(shop.origin));
  expect(foreign.filter((request) => !request.includes(`${rig.origin}/v1/`))).toEqual([]);
  expect(foreign).toContain(`OPTIONS ${rig.origin}/v1/t 204`);
  expect(foreign.filter((request) => request.startsWith("POST"))).toEqual(
    ["p", "i", "t", "g", "s", "a"].map((call) => `POST ${rig.origin}/v1/${call} 200`),
  );

  await conforms("segment-browser", {
    protocol: "segment",
    client: "@segment/analytics-next",
    sent: "page, identify, track, group, screen and alias, from a page of another origin in Chromium, with preflights",
    arrived: "6 events of 6, with their ids, types and data",
    clientSaw: "6 promises without a failed delivery",
  });
});

test("what is not valid is refused, and the promise of analytics-next says why it was not delivered", async (context) => {
  if (browser === undefined) return context.skip(whyNoChromium);
  await using rig = await startClientRig({ source: "unknownTypes: reject" });
  await using shop = await openShop(rig.origin);
  expect(await shop.call("track", "checkout.paid", {})).toMatchObject({ failed: "Non-retryable error: 400" });
  expect(await shop.page.evaluate("errors")).toEqual(["NonRetryableError: Non-retryable error: 400"]);
});

test("in batches, and over its quota, analytics-next is told to wait, does, and loses nothing", async (context) => {
  if (browser === undefined) return context.skip(whyNoChromium);
  await using rig = await startClientRig({ source: "quota: { eventsPerSecond: 1, burst: 1 }" });
  await using shop = await openShop(rig.origin, { strategy: "batching", config: { size: 5, timeout: 50 } });
  // The first five are paid for on credit of four seconds, so that the next batch comes too early.
  const sent = ["1", "2", "3", "4", "5", "6"];
  await shop.page.evaluate(`Promise.all(${JSON.stringify(sent)}.map((event) => call("track", event)))`);
  expect((await rig.arrived(6)).map(({ type }) => type)).toEqual(sent);
  const posts = (): string[] => shop.requests.filter((request) => request.startsWith("POST"));
  await waitFor(() => posts().length >= 3);
  expect(posts()).toEqual([200, 429, 200].map((status) => `POST ${rig.origin}/v1/b ${status}`));
});
