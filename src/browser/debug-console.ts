import type { LossReason } from "./losses.ts";
import type { EventResult } from "./post-events.ts";

/** What is known of an event that a developer may be told about. */
export interface TracedEvent {
  readonly text: string;
  /** Of the call that made the event. */
  readonly stack: string | undefined;
}

/** Tells a developer what the collector says about events, each beside the call that made it. */
export function showResults(events: readonly TracedEvent[], results: readonly EventResult[]): void {
  for (const { index, ...result } of results) {
    const event = events[index];
    const problems = result.problems ?? (result.code === undefined ? [] : [result]);
    for (const [level, each] of [["error", problems] as const, ["warn", result.warnings ?? []] as const]) {
      for (const { code, pointer, message } of each) {
        console[level](
          `[millrace] ${pointer ?? ""} ${message ?? ""} (${code ?? ""})\n${event?.text ?? ""}\n${event?.stack ?? ""}`,
        );
      }
    }
  }
}

export function showLoss(reason: LossReason, events: number): void {
  console.warn(`[millrace] gave up ${events} event${events === 1 ? "" : "s"}: ${reason}`);
}

export function showFailure(detail: string): void {
  console.warn(`[millrace] the collector did not take a request: ${detail}`);
}
