import { setTimeout as sleep } from "node:timers/promises";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startChromium, whyNoChromium } from "../kit/chromium.ts";
import { waitFor } from "../kit/wait-for.ts";
import { type ClientRig, startClientRig } from "./client-rig.ts";
import { startScriptedCollector, type TakenRequest } from "./scripted-collector.ts";
import { type SdkSite, startSdkSite } from "./sdk-site.ts";

const browser = await startChromium();

let rig: ClientRig;
let site: SdkSite;

beforeAll(async () => {
  rig = await startClientRig();
  site = await startSdkSite(rig.origin);
});

afterAll(async () => {
  await site[Symbol.asyncDispose]();
  await rig[Symbol.asyncDispose]();
  await browser?.close();
});

type Scripted = Awaited<ReturnType<typeof startScriptedCollector>>;

async function withPage(work: (page: Page, collector: Scripted) => Promise<void>): Promise<void> {
  await using collector = await startScriptedCollector();
  const context = await browser?.newContext();
  if (context === undefined) return;
  try {
    await work(await context.newPage(), collector);
  } finally {
    await context.close();
  }
}

function typesOf(requests: readonly TakenRequest[]): string[] {
  return requests.flatMap(({ events }) => events.map(({ type }) => type));
}

describe.skipIf(browser === undefined)(`what the SDK does about an answer${whyNoChromium}`, () => {
  test("429 with Retry-After: nothing is sent before, also when the network comes back; then all of it once", () =>
    withPage(async (page, collector) => {
      let refusedAtMs = 0;
      collector.answer = ({ atMs }) => {
        if (refusedAtMs > 0) return { status: 201 };
        refusedAtMs = atMs;
        return { status: 429, headers: { "Retry-After": "3" } };
      };
      await page.goto(site.page({ url: collector.origin, maxBatchAgeMs: 20 }));
      await page.evaluate(`client.track("first")`);
      await waitFor(() => refusedAtMs > 0);
      await page.evaluate(`client.track("second"); dispatchEvent(new Event("online"))`);
      await waitFor(() => collector.requests.length > 1);
      const [refused, ...later] = collector.requests;
      expect((later[0]?.atMs ?? 0) - refusedAtMs).toBeGreaterThanOrEqual(2_900);
      expect(typesOf(refused ? [refused] : [])).toEqual(["first"]);
      await sleep(300);
      expect(typesOf(collector.requests.slice(1)).toSorted()).toEqual(["first", "second"]);
      expect(collector.requests.slice(1).flatMap(({ events }) => events)).toContainEqual(refused?.events[0]);
    }));

  test("429 with a Retry-After of a month: the page does nothing but wait", () =>
    withPage(async (page, collector) => {
      collector.answer = () => ({ status: 429, headers: { "Retry-After": "3000000" } });
      await page.addInitScript(
        "window.timers = 0; const set = setTimeout; window.setTimeout = (...all) => (timers++, set(...all))",
      );
      await page.goto(site.page({ url: collector.origin, maxBatchAgeMs: 20 }));
      await page.evaluate(`client.track("first")`);
      await waitFor(() => collector.requests.length === 1);
      await sleep(500);
      expect(Number(await page.evaluate("timers"))).toBeLessThan(20);
      expect(collector.requests).toHaveLength(1);
    }));

  test("413: the batch is sent in parts, and an event that is too large alone is given up and told", () =>
    withPage(async (page, collector) => {
      collector.answer = ({ events }) => ({
        status: events.length > 1 || events[0]?.type === "huge" ? 413 : 201,
      });
      await page.goto(site.page({ url: collector.origin }));
      await page.evaluate(`for (const type of ["a", "huge", "b", "c"]) client.track(type); client.flush()`);
      await page.evaluate("client.flush()");
      const taken = collector.requests.filter(({ events }) => events.length === 1 && events[0]?.type !== "huge");
      expect(typesOf(taken)).toEqual(["a", "b", "c"]);
      expect(taken.map(({ dropped }) => dropped)).toEqual([null, "too_large:1", null]);
    }));

  test("401: the events are given up, and told with the next batch that is taken", () =>
    withPage(async (page, collector) => {
      collector.answer = () => ({ status: 401 });
      await page.goto(site.page({ url: collector.origin }));
      await page.evaluate(`client.track("a"); client.track("b"); client.flush()`);
      await page.evaluate("client.flush()");
      collector.answer = () => ({ status: 201 });
      await page.evaluate(`client.track("c"); client.flush()`);
      expect(typesOf(collector.requests)).toEqual(["a", "b", "c"]);
      expect(collector.requests.at(-1)?.dropped).toBe("refused:2");
    }));

  test("503 for longer than events are kept: they are given up as expired", () =>
    withPage(async (page, collector) => {
      collector.answer = () => ({ status: 503, headers: { "Retry-After": "1" } });
      await page.goto(site.page({ url: collector.origin, maxBatchAgeMs: 20, maxStoredAgeMs: 500 }));
      await page.evaluate(`client.track("old"); client.flush()`);
      await waitFor(() => collector.requests.length > 0);
      collector.answer = () => ({ status: 201 });
      await sleep(1_500);
      await page.evaluate(`client.track("new"); client.flush()`);
      await page.evaluate(`client.track("newer"); client.flush()`);
      // On a slow machine newer ones may have grown too old as well.
      await waitFor(() => collector.requests.some(({ dropped }) => dropped?.startsWith("expired:")));
      expect(typesOf(collector.requests).filter((type) => type === "old")).toHaveLength(1);
    }));

  test("none for seconds when the page is left: the events are sent again by the next page, with the same ids", () =>
    withPage(async (page, collector) => {
      collector.answer = () => "silence";
      await page.goto(site.page({ url: collector.origin, maxBatchAgeMs: 20 }));
      await page.evaluate(`client.track("doubtful")`);
      await waitFor(() => collector.requests.length === 1);
      await sleep(2_300);
      await page.goto(`${site.origin}/elsewhere`);
      collector.answer = () => ({ status: 201 });
      await page.goto(site.page({ url: collector.origin }));
      await waitFor(() => collector.requests.length === 2);
      await sleep(300);
      expect(collector.requests.map(({ events }) => events)).toEqual([
        collector.requests[0]?.events,
        collector.requests[0]?.events,
      ]);
    }));
});
