import { MillraceError } from "../core/errors.ts";
import type { RejectedEvent, RejectLog } from "../core/reject-log.ts";
import type { InvalidEvent } from "./judge-events.ts";
import type { IngestMetrics } from "./metrics.ts";

/** Kept of a body that no event can be found in: enough to see what it was meant to be. */
const MAX_BODY_BYTES = 64 * 1024;

export interface QuarantineParts {
  readonly log: RejectLog;
  readonly metrics: IngestMetrics;
  /** Tells the ledger how many events of a source were set aside. */
  readonly onQuarantined: (source: string, events: number) => void;
}

/** Sets aside what failed validation. It never rejects: the sender is told the problems anyway, and a failure is counted. */
export class Quarantine {
  readonly #parts: QuarantineParts;

  constructor(parts: QuarantineParts) {
    this.#parts = parts;
  }

  keepEvents(source: string, events: readonly InvalidEvent[], atMs: number): Promise<void> {
    const entries: RejectedEvent[] = [];
    for (const { problems, raw } of events) {
      entries.push({ atMs, source, code: problems[0]?.code ?? "invalid", reasons: problems, event: raw });
    }
    return this.#keep(source, entries);
  }

  keepBody(source: string, code: string, detail: string, body: Buffer, atMs: number): Promise<void> {
    const reasons: unknown[] = [{ code, message: detail }];
    if (body.length > MAX_BODY_BYTES) {
      reasons.push({
        code: "truncated",
        message: `Only the first ${MAX_BODY_BYTES} of ${body.length} bytes are kept.`,
      });
    }
    return this.#keep(source, [{ atMs, source, code, reasons, event: body.subarray(0, MAX_BODY_BYTES) }]);
  }

  async #keep(source: string, entries: readonly RejectedEvent[]): Promise<void> {
    const { log, metrics, onQuarantined } = this.#parts;
    try {
      await log.append(entries);
    } catch (error) {
      if (!(error instanceof MillraceError)) throw error;
      // The log of rejects tells why; what is known only here is how many.
      metrics.quarantineFailures.inc(entries.length);
      return;
    }
    metrics.of(source).quarantined.inc(entries.length);
    onQuarantined(source, entries.length);
  }
}
