import {
  buildPagePing,
  buildPageView,
  buildSelfDescribingEvent,
  buildStructEvent,
  newTracker,
  type RequestFailure,
} from "@snowplow/node-tracker";
import { expect, test } from "vitest";
import { waitFor } from "../kit/wait-for.ts";
import { startClientRig } from "./client-rig.ts";
import { conforms } from "./conformance.ts";

const PAID = "iglu:com.acme/checkout.paid/jsonschema/1-0-0";
const USER = { schema: "iglu:com.acme/user/jsonschema/1-0-0", data: { plan: "größer", seats: 3 } };
const TIME_MS = Date.UTC(2026, 0, 31, 12);
const data = { order: "1042", total: 24.5, note: "ein Gruß 🎉 & more" };

const checkoutPaid = {
  type: "object",
  required: ["total"],
  properties: { total: { type: "number" } },
};

test("the Node tracker's events arrive by POST and by GET as they were built, and it is told so", async () => {
  await using rig = await startClientRig({ schemas: { "checkout.paid": checkoutPaid } });
  let told = 0;
  const failures: RequestFailure[] = [];
  for (const eventMethod of ["post", "get"] as const) {
    const tracker = newTracker(
      { namespace: eventMethod, appId: "wk_app", encodeBase64: eventMethod === "get" },
      {
        endpoint: "127.0.0.1",
        protocol: "http",
        port: rig.collector.port,
        eventMethod,
        bufferSize: eventMethod === "post" ? 4 : 1,
        onRequestSuccess: (events) => (told += events.length),
        onRequestFailure: (failure) => failures.push(failure),
      },
    );
    tracker.setUserId("ada");
    tracker.setDomainUserId("d-1");
    tracker.setSessionId("s-1");
    const paid = { event: { schema: PAID, data } };
    tracker.track(buildSelfDescribingEvent(paid), [USER], { type: "ttm", value: TIME_MS });
    tracker.track(buildPageView({ pageUrl: "https://shop.example/a?b=c&d", pageTitle: "Shop + more", referrer: null }));
    tracker.track(buildStructEvent({ category: "cart", action: "add", label: "mug", value: 2.5 }), [], {
      type: "dtm",
      value: Date.now() - 3_600_000,
    });
    tracker.track(buildPagePing({ pageUrl: "https://shop.example/a", minYOffset: 10, maxYOffset: 300 }));
    await tracker.flush();
  }
  await waitFor(async () => told + failures.length >= 8);
  expect([told, failures]).toEqual([8, []]);
  const arrived = await rig.arrived(8);
  for (const namespace of ["post", "get"]) {
    const own = arrived.filter(({ snowplow }) => JSON.parse(String(snowplow)).tna === namespace);
    const [paid, viewed, struct, ping] = own;
    expect(own.map(({ type }) => type)).toEqual(["checkout.paid", "page_view", "struct", "page_ping"]);
    const who = { source: "app", userid: "ada", domainuserid: "d-1", sessionid: "s-1" };
    expect(paid).toMatchObject({ ...who, dataschema: PAID, data, time: "2026-01-31T12:00:00.000Z" });
    expect(JSON.parse(String(paid?.["snowplow"]))).toMatchObject({
      p: "srv",
      aid: "wk_app",
      tv: expect.stringMatching(/^node-/),
      co: { data: [USER] },
    });
    expect(viewed).toMatchObject({
      ...who,
      data: { page_url: "https://shop.example/a?b=c&d", page_title: "Shop + more" },
    });
    expect(struct).toMatchObject({ data: { se_category: "cart", se_action: "add", se_label: "mug", se_value: 2.5 } });
    const agoMs = Date.now() - Date.parse(struct?.time ?? "");
    expect(agoMs).toBeGreaterThanOrEqual(3_600_000 - 1_000);
    expect(agoMs).toBeLessThan(3_660_000);
    expect(ping).toMatchObject({ data: { pp_yoffset_min: 10, pp_yoffset_max: 300 } });
  }
  expect(new Set(arrived.map(({ id }) => id)).size).toBe(8);
  expect(arrived.every((event) => event["idassigned"] === undefined)).toBe(true);
  await conforms("snowplow-node", {
    protocol: "snowplow",
    client: "@snowplow/node-tracker",
    sent: "4 events by POST and 4 by GET: self-describing, page view, structured, page ping; with a context, user, session, true and device times",
    arrived: "8 of 8, each with its own id, data, time and context",
    clientSaw: "onRequestSuccess for all 8",
  });
});

test("the Node tracker is told that an event is wrong, and does not send it again", async () => {
  await using rig = await startClientRig({ schemas: { "checkout.paid": checkoutPaid } });
  const failures: RequestFailure[] = [];
  const tracker = newTracker(
    { namespace: "n", appId: "wk_app" },
    {
      endpoint: rig.origin,
      bufferSize: 1,
      onRequestFailure: (failure) => failures.push(failure),
    },
  );
  tracker.track(buildSelfDescribingEvent({ event: { schema: PAID, data: { total: "24.50" } } }));
  await waitFor(async () => failures.length > 0);
  expect(failures).toMatchObject([{ status: 400, willRetry: false }]);
});
