import { type Capture, limited, pageUrl } from "./capture.ts";

/** `page.long_task` with `startMs`, `durationMs` and `url`, where the browser tells of tasks over 50 ms (Chromium). */
export const longTasks: Capture = (target) => {
  if (!globalThis.PerformanceObserver?.supportedEntryTypes?.includes("longtask")) return () => {};
  const track = limited(target);
  const observer = new PerformanceObserver((list) => {
    for (const { startTime, duration } of list.getEntries()) {
      track("page.long_task", { startMs: Math.round(startTime), durationMs: Math.round(duration), url: pageUrl() });
    }
  });
  observer.observe({ type: "longtask", buffered: true });
  return () => observer.disconnect();
};
