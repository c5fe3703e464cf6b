import { expect, test } from "vitest";
import { startChromium, whyNoChromium } from "../kit/chromium.ts";
import { type ArrivedEvent, startClientRig } from "./client-rig.ts";
import { conforms } from "./conformance.ts";
import { serveWebPage } from "./web-page-fixture.ts";

const PAID = "iglu:com.acme/checkout.paid/jsonschema/1-0-0";
const TIME_MS = Date.UTC(2026, 0, 31, 12);
const USER = { schema: "iglu:com.acme/user/jsonschema/1-0-0", data: { plan: "größer" } };
const data = { order: "1042", total: 24.5, note: "ein Gruß 🎉 & more" };

/** A browser has to start. */
const BROWSER_MS = 60_000;

const ALL = JSON.stringify({ context: USER, event: { schema: PAID, data }, timeMs: TIME_MS });

function expectAll(events: readonly ArrivedEvent[], page: string): void {
  const [viewed, paid, struct] = events;
  expect(events.map(({ type }) => type)).toEqual(["page_view", "checkout.paid", "struct"]);
  expect(viewed).toMatchObject({ userid: "ada", data: { page_url: page, page_title: "Shop ✓" } });
  expect(viewed?.["domainuserid"]).toMatch(/^[0-9a-f-]{36}$/);
  expect(viewed?.["sessionid"]).toMatch(/^[0-9a-f-]{36}$/);
  const { co, p } = JSON.parse(String(viewed?.["snowplow"])) as { co: { data: unknown[] }; p: string };
  expect(p).toBe("web");
  expect(co.data).toContainEqual(USER);
  expect(Math.abs(Date.parse(viewed?.time ?? "") - Date.now())).toBeLessThan(60_000);
  expect(paid).toMatchObject({ dataschema: PAID, data, time: "2026-01-31T12:00:00.000Z" });
  expect(struct).toMatchObject({ data: { se_category: "cart", se_action: "add", se_value: 2.5 } });
}

test(
  "the browser tracker's events arrive from a page of another origin, by POST, by GET and as the page goes away",
  async ({ skip }) => {
    await using chromium = await startChromium();
    if (chromium === undefined) return skip(whyNoChromium);
    await using web = await serveWebPage(`<div style="height: 5000px">A shop</div>`, "snowplow-page.ts");
    await using rig = await startClientRig({
      origins: [web.origin],
      source: 'paths: {"/js/t": "/com.snowplowanalytics.snowplow/tp2"}',
    });
    const page = await chromium.newPage();
    const track = async (name: string, options: object): Promise<void> => {
      await page.goto(`${web.origin}/${name}`);
      await page.evaluate(
        `startTracker("${name}", "${rig.origin}", ${JSON.stringify(options)}); trackAll("${name}", ${ALL})`,
      );
    };
    const arrivedOf = async (name: string, atLeast: number) =>
      (await rig.arrived(atLeast)).filter(({ snowplow }) => JSON.parse(String(snowplow)).tna === name);

    await track("post", { eventMethod: "post", bufferSize: 1 });
    await page.waitForFunction("told.taken + told.failures.length >= 3");
    expect(await page.evaluate("told")).toEqual({ taken: 3, failures: [] });
    expectAll(await arrivedOf("post", 3), `${web.origin}/post`);

    await track("get", { eventMethod: "get" });
    await page.waitForFunction("told.taken + told.failures.length >= 3");
    expect(await page.evaluate("told")).toEqual({ taken: 3, failures: [] });
    expectAll(await arrivedOf("get", 6), `${web.origin}/get`);

    await track("leaving", { keepalive: true, bufferSize: 3, postPath: "/js/t", appId: "shop" });
    await page.goto("about:blank");
    expectAll(await arrivedOf("leaving", 9), `${web.origin}/leaving`);

    await page.goto(`${web.origin}/reading`);
    await page.evaluate(
      `startTracker("reading", "${rig.origin}", { anonymousTracking: { withServerAnonymisation: true } }); pingEverySecond("reading"); trackAll("reading", ${ALL})`,
    );
    await page.evaluate("scrollTo(0, 300)");
    for (let round = 0; round < 300 && (await arrivedOf("reading", 12)).length < 4; round++) {
      await page.mouse.move(10 + round, 20);
      await page.waitForTimeout(100);
    }
    const ping = (await arrivedOf("reading", 13)).find(({ type }) => type === "page_ping");
    expect(ping).toMatchObject({ data: { page_url: `${web.origin}/reading`, pp_yoffset_max: 300 } });
    expect(ping?.["domainuserid"]).toBeUndefined();
    await conforms("snowplow-browser", {
      protocol: "snowplow",
      client: "@snowplow/browser-tracker",
      sent: "a page view with a context, a self-describing and a structured event, each by POST, by GET, and by POST with keepalive before the page goes away; a page ping with server anonymisation",
      arrived: "all 9 and the ping, each with its data, user and session",
      clientSaw: "onRequestSuccess for all that were sent while the page was there",
    });
  },
  BROWSER_MS,
);

test(
  "a browser is known again by the collector's cookie, unless it asks for anonymity",
  async ({ skip }) => {
    await using chromium = await startChromium();
    if (chromium === undefined) return skip(whyNoChromium);
    await using web = await serveWebPage("A shop", "snowplow-page.ts");
    await using rig = await startClientRig({ origins: [web.origin], source: "snowplow: { networkUserId: {} }" });
    const page = await chromium.newPage();
    const track = async (name: string, options: object): Promise<void> => {
      await page.goto(`${web.origin}/${name}`);
      await page.evaluate(
        `startTracker("${name}", "${rig.origin}", ${JSON.stringify(options)}); trackAll("${name}", ${ALL})`,
      );
      await page.waitForFunction("told.taken + told.failures.length >= 3");
      expect(await page.evaluate("told")).toEqual({ taken: 3, failures: [] });
    };
    // One request, whose answer brings the cookie.
    await track("first", { eventMethod: "post", bufferSize: 3 });
    await track("again", { eventMethod: "get" });
    await track("nobody", { anonymousTracking: { withServerAnonymisation: true } });
    await track("omitted", { credentials: "omit", bufferSize: 3 });
    const ids = (await rig.arrived(12)).map((event) => event["networkuserid"]);
    expect(ids[0]).toMatch(/^[0-9a-f-]{36}$/);
    expect(ids.slice(0, 6)).toEqual(Array.from({ length: 6 }, () => ids[0]));
    expect(ids.slice(6, 9)).toEqual([undefined, undefined, undefined]);
    expect(ids[9]).toMatch(/^[0-9a-f-]{36}$/);
    expect(ids[9]).not.toBe(ids[0]);
  },
  BROWSER_MS,
);
