/** What a page of `snowplow-browser.test.ts` has at hand, by its global names. */
import {
  enableActivityTracking,
  newTracker,
  setUserId,
  type TrackerConfiguration,
  trackPageView,
  trackSelfDescribingEvent,
  trackStructEvent,
} from "@snowplow/browser-tracker";

/** What trackers have told: how many events were taken, and why others were not. */
const told: { taken: number; readonly failures: unknown[] } = { taken: 0, failures: [] };

function startTracker(name: string, collector: string, options: TrackerConfiguration): void {
  newTracker(name, collector, {
    appId: "wk_app",
    onRequestSuccess: (events) => (told.taken += events.length),
    onRequestFailure: (failure) => told.failures.push(failure.status ?? failure.message),
    ...options,
  });
  setUserId("ada", [name]);
}

/** While someone moves the mouse. */
function pingEverySecond(name: string): void {
  enableActivityTracking({ minimumVisitLength: 1, heartbeatDelay: 1 }, [name]);
}

/** An event of each kind. */
function trackAll(
  name: string,
  sent: {
    readonly context: { readonly schema: string; readonly data: Record<string, unknown> };
    readonly event: { readonly schema: string; readonly data: Record<string, unknown> };
    readonly timeMs: number;
  },
): void {
  trackPageView({ context: [sent.context] }, [name]);
  trackSelfDescribingEvent({ event: sent.event, timestamp: { type: "ttm", value: sent.timeMs } }, [name]);
  trackStructEvent({ category: "cart", action: "add", value: 2.5 }, [name]);
}

Object.assign(globalThis, { told, startTracker, pingEverySecond, trackAll });
