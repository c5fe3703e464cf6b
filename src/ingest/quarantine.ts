import { MillraceError } from "../core/errors.ts";
import type { RejectedEvent, RejectLog } from "../core/reject-log.ts";
import type { InvalidEvent } from "./judge-events.ts";
import type { IngestMetrics } from "./metrics.ts";

/**
 * Kept of what could not be parsed, or breaks a limit: enough to see what it was meant to
 * be, and too little to hold the long names that `MAX_MEMBER_NAME_BYTES` keeps out.
 */
const MAX_UNPARSED_BYTES = 16 * 1024;

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
    for (const { problems, kept = problems, raw, parsed } of events) {
      const code = problems[0]?.code ?? "invalid";
      entries.push({ atMs, source, code, ...(parsed ? { reasons: kept, event: raw } : cut(kept, raw)) });
    }
    return this.#keep(source, entries);
  }

  keepBody(source: string, code: string, detail: string, body: Buffer, atMs: number): Promise<void> {
    return this.#keep(source, [{ atMs, source, code, ...cut([{ code, message: detail }], body) }]);
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

/** The beginning of what could not be parsed, with a note among the reasons if there was more. */
function cut(reasons: readonly unknown[], event: Buffer): Pick<RejectedEvent, "reasons" | "event"> {
  if (event.length <= MAX_UNPARSED_BYTES) return { reasons, event };
  const message = `Only the first ${MAX_UNPARSED_BYTES} of ${event.length} bytes are kept.`;
  return { reasons: [...reasons, { code: "truncated", message }], event: event.subarray(0, MAX_UNPARSED_BYTES) };
}
