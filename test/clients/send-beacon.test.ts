import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test, type TestContext } from "vitest";
import { startChromium, whyNoChromium } from "../kit/chromium.ts";
import { waitFor } from "../kit/wait-for.ts";
import { startClientRig } from "./client-rig.ts";
import { conforms } from "./conformance.ts";

let browser: Awaited<ReturnType<typeof startChromium>>;
beforeAll(async () => {
  browser = await startChromium();
}, 300_000);
afterAll(async () => {
  await browser?.close();
});

/** What the page's script finds in scope: where to send, and how an event is written. */
const PRELUDE = `
const url = window.collector + "/v1/events?key=wk_app";
const event = (id, size = 0) => JSON.stringify({ type: "page.left", id, data: { text: "x".repeat(size) } });
`;

interface Shop extends AsyncDisposable {
  /** How many preflights the collector has answered. */
  readonly preflights: () => Promise<number>;
  /** What became of requests that the browser itself gave up. */
  readonly failures: readonly string[];
  /** Runs a script in the page, after the prelude. */
  readonly run: (script: string) => Promise<unknown>;
  readonly leave: () => Promise<void>;
  /** Ids of what has arrived, once the last event does, which is sent now. */
  readonly arrivedIds: (atLeast: number) => Promise<readonly string[]>;
}

/** A page of an origin of its own, and a collector that allows this origin, or any. */
async function openShop(allowed: "listed" | "any"): Promise<Shop> {
  if (browser === undefined) throw new Error(whyNoChromium);
  await using opened = new AsyncDisposableStack();
  const server = createServer((_request, response) => {
    response.setHeader("Content-Type", "text/html");
    response.end("<!doctype html><title>Shop</title>");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  opened.defer(() => {
    server.closeAllConnections();
    server.close();
  });
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const rig = opened.use(await startClientRig({ origins: allowed === "listed" ? [origin] : ["*"] }));
  const page = await browser.newPage();
  opened.defer(() => page.close());
  const failures: string[] = [];
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Network.enable");
  devtools.on("Network.loadingFailed", ({ corsErrorStatus, errorText }) => {
    failures.push(corsErrorStatus?.corsError ?? errorText);
  });
  const run = (script: string): Promise<unknown> => page.evaluate(`(async () => { ${PRELUDE} ${script} })()`);
  await page.goto(origin);
  await page.evaluate(`window.collector = ${JSON.stringify(rig.origin)}`);
  const closing = opened.move();
  return {
    async preflights() {
      const metrics = await (await fetch(`http://127.0.0.1:${rig.collector.adminPort}/metrics`)).text();
      const lines = metrics.matchAll(/^millrace_ingest_requests_total\{[^}]*status="204"[^}]*\} (\d+)$/gm);
      return [...lines].reduce((sum, [, count]) => sum + Number(count), 0);
    },
    failures,
    run,
    async leave() {
      await page.goto("about:blank");
    },
    async arrivedIds(atLeast) {
      await rig.arrived(atLeast);
      const last = await fetch(`${rig.origin}/v1/events?key=wk_app`, {
        method: "POST",
        body: '{"type":"a","id":"last"}',
      });
      expect(last.status).toBe(201);
      return (await rig.arrived(atLeast + 1)).map(({ id }) => id);
    },
    [Symbol.asyncDispose]: () => closing.disposeAsync(),
  };
}

/** The body of a test in a page, skipped with the reason where there is no browser. */
function inShop(allowed: "listed" | "any", body: (shop: Shop) => Promise<void>) {
  return async (context: TestContext): Promise<void> => {
    if (browser === undefined) context.skip(whyNoChromium);
    await using shop = await openShop(allowed);
    await body(shop);
  };
}

const TIMEOUT = { timeout: 60_000 };
const BEACON = { protocol: "native", client: "navigator.sendBeacon" };

test(
  "a beacon of a string arrives once, without a preflight",
  TIMEOUT,
  inShop("any", async ({ run, preflights, arrivedIds }) => {
    expect(await run(`return navigator.sendBeacon(url, event("b-1"))`)).toBe(true);
    const ids = await arrivedIds(1);
    expect([ids, await preflights()]).toEqual([["b-1", "last"], 0]);
    await conforms("beacon-string", {
      ...BEACON,
      sent: "1 event as a string, from another origin",
      arrived: "1 event; no preflight, also where any origin is allowed",
      clientSaw: "true",
    });
  }),
);

test(
  "a beacon of a Blob without a type arrives once",
  TIMEOUT,
  inShop("any", async ({ run, preflights, arrivedIds }) => {
    expect(await run(`return navigator.sendBeacon(url, new Blob([event("b-1"), "\\n", event("b-2")]))`)).toBe(true);
    const ids = await arrivedIds(2);
    expect([ids, await preflights()]).toEqual([["b-1", "b-2", "last"], 0]);
    await conforms("beacon-untyped-blob", {
      ...BEACON,
      sent: "2 events, one a line, in a Blob without a type",
      arrived: "2 events; no preflight",
      clientSaw: "true",
    });
  }),
);

test(
  "a beacon of a Blob of JSON arrives once, after a preflight, from a page whose origin is listed",
  TIMEOUT,
  inShop("listed", async ({ run, preflights, arrivedIds }) => {
    const blob = `new Blob([event("b-1")], { type: "application/json" })`;
    expect(await run(`return navigator.sendBeacon(url, ${blob})`)).toBe(true);
    const ids = await arrivedIds(1);
    expect([ids, await preflights()]).toEqual([["b-1", "last"], 1]);
    await conforms("beacon-json-blob", {
      ...BEACON,
      sent: "1 event in a Blob of application/json, from a listed origin",
      arrived: "1 event, after 1 preflight",
      clientSaw: "true",
    });
  }),
);

test(
  "a beacon of a Blob of JSON is held back by the browser where any origin is allowed, since it has credentials",
  TIMEOUT,
  inShop("any", async ({ run, failures, arrivedIds }) => {
    const blob = `new Blob([event("b-1")], { type: "application/json" })`;
    expect(await run(`return navigator.sendBeacon(url, ${blob})`)).toBe(true);
    await waitFor(() => failures.length > 0);
    expect([failures, await arrivedIds(0)]).toEqual([["PreflightWildcardOriginNotAllowed"], ["last"]]);
    await conforms("beacon-json-blob-any-origin", {
      ...BEACON,
      sent: 'the same from a page that only "*" allows',
      arrived:
        "0 events: browsers give no credentials to a wildcard, and a beacon always has them. List the origin, or send a string",
      clientSaw: "true",
    });
  }),
);

test(
  "forms are refused with what to do instead",
  TIMEOUT,
  inShop("listed", async ({ run, arrivedIds }) => {
    const forms = {
      URLSearchParams: `new URLSearchParams({ event: event("b-1") })`,
      FormData: `(() => { const form = new FormData(); form.set("event", event("b-1")); return form; })()`,
    };
    for (const [name, form] of Object.entries(forms)) {
      expect(await run(`return navigator.sendBeacon(url, ${form})`)).toBe(true);
      const answer = await run(
        `const answer = await fetch(url, { method: "POST", body: ${form} }); return [answer.status, (await answer.json()).detail]`,
      );
      expect(answer).toEqual([415, expect.stringContaining(`send JSON as a string instead of ${name}`)]);
    }
    expect(await arrivedIds(0)).toEqual(["last"]);
    await conforms("beacon-forms", {
      ...BEACON,
      sent: "URLSearchParams, then FormData",
      arrived: "0 events; both are answered 415, which says to send JSON as a string",
      clientSaw: "true: a beacon never tells the answer",
    });
  }),
);

test(
  "what is sent as a page is left arrives once",
  TIMEOUT,
  inShop("listed", async ({ run, leave, arrivedIds }) => {
    await run(`
    const headers = { "Content-Type": "application/json" };
    addEventListener("pagehide", () => {
      fetch(url, { method: "POST", body: event("k-1"), headers, keepalive: true });
      fetch(url, { method: "POST", body: event("k-2"), keepalive: true });
      navigator.sendBeacon(url, event("b-1"));
    });
  `);
    await leave();
    expect((await arrivedIds(3)).toSorted()).toEqual(["b-1", "k-1", "k-2", "last"]);
    await conforms("fetch-keepalive", {
      protocol: "native",
      client: "fetch with keepalive",
      sent: "2 events by fetch, as application/json and as text, and 1 by sendBeacon, in pagehide",
      arrived: "3 events, each once",
      clientSaw: "nothing: the page is gone",
    });
  }),
);

test(
  "64 KiB is the browser's limit for what outlives a page: below it all arrives, above it the page is told",
  TIMEOUT,
  inShop("listed", async ({ run, arrivedIds }) => {
    expect(await run(`return navigator.sendBeacon(url, event("b-60", 60 * 1024))`)).toBe(true);
    expect((await arrivedIds(1)).slice(0, -1)).toEqual(["b-60"]);
    expect(await run(`return navigator.sendBeacon(url, event("b-64", 64 * 1024))`)).toBe(false);
    const over = `{ method: "POST", body: event("k-64", 64 * 1024), keepalive: true }`;
    expect(await run(`return fetch(url, ${over}).then(({ status }) => status, ({ name }) => name)`)).toBe("TypeError");
    const plain = `{ method: "POST", body: event("f-64", 64 * 1024) }`;
    expect(await run(`return (await fetch(url, ${plain})).status`)).toBe(201);
    expect(await arrivedIds(3)).toEqual(["b-60", "last", "f-64", "last"]);
    await conforms("beacon-size", {
      ...BEACON,
      sent: "60 KiB; 64 KiB by sendBeacon, by fetch with keepalive, and by fetch without",
      arrived: "the first and the last",
      clientSaw: "true; false; a TypeError; 201",
    });
  }),
);
