/** What the pages of `segment-browser.test.ts` have at hand, by its global names. */
import { AnalyticsBrowser } from "@segment/analytics-next";

const analytics = new AnalyticsBrowser();
const errors: string[] = [];

/** Starts the library as `docs/protocols/segment.md` has it: told where to send, it asks nobody for settings. */
async function load(apiHost: string, deliveryStrategy?: object): Promise<void> {
  analytics.load({
    writeKey: "wk_app",
    cdnSettings: {
      integrations: { "Segment.io": { apiKey: "wk_app", apiHost, protocol: "http", deliveryStrategy } },
      metrics: { sampleRate: 0 },
    },
  });
  analytics.on("error", ({ reason }) => errors.push(String(reason)));
  await analytics.ready();
}

/** What the promise of a call tells: its id, and why it was not delivered. */
async function call(
  name: "alias" | "group" | "identify" | "page" | "screen" | "track",
  ...values: [string, ...never[]]
): Promise<{ readonly id: string; readonly failed: string | undefined }> {
  const context = await analytics[name](...values);
  if (!("event" in context)) throw new Error("who asks for the group gets the group");
  const reason: unknown = context.failedDelivery()?.reason;
  return { id: context.event.messageId ?? "", failed: reason instanceof Error ? reason.message : undefined };
}

Object.assign(globalThis, { load, call, errors });
