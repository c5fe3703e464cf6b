import type { Position } from "../core/event.ts";
import type { RejectedEvent, RejectLog } from "../core/reject-log.ts";
import type { Sink } from "../core/sink.ts";

export interface OutcomeListener {
  delivered(position: Position): void;
  /** @param code of the dead letter, or what the event port has against the event */
  refused(position: Position, code: string): void;
}

/**
 * Sees what becomes of single events, which a pipeline's cursor does not tell, where they are delivered
 * and where they are given up. Each is told once.
 */
export class Outcomes {
  readonly #told = new Set<Position>();
  /** What is before is settled. */
  #cursor: Position = Number.NEGATIVE_INFINITY;
  readonly #listener: OutcomeListener;

  constructor(listener: OutcomeListener) {
    this.#listener = listener;
  }

  /** Positions below the cursor are not asked for any more. */
  forget(from: Position, cursor: Position): void {
    for (let position = from; position < cursor; position++) this.#told.delete(position);
    this.#cursor = cursor;
  }

  /** A write that was given up may turn out to have delivered, and be followed by another. */
  #isNews(position: Position): boolean {
    if (position < this.#cursor || this.#told.has(position)) return false;
    this.#told.add(position);
    return true;
  }

  watchSink(sink: Sink): Sink {
    return {
      name: sink.name,
      type: sink.type,
      limits: sink.limits,
      eventBytes: (event) => sink.eventBytes(event),
      check: (signal) => sink.check(signal),
      close: () => sink.close(),
      write: async (batch, signal) => {
        const receipt = await sink.write(batch, signal);
        for (const [at, { position }] of batch.entries()) {
          const isDelivered =
            receipt.kind === "partial" ? receipt.fates[at]?.kind === "delivered" : receipt.kind === "delivered";
          if (isDelivered && this.#isNews(position)) this.#listener.delivered(position);
        }
        return receipt;
      },
    };
  }

  /** @param codeOf what is told of an entry */
  watchRejects(log: RejectLog, codeOf: (entry: RejectedEvent) => string): RejectLog {
    return {
      append: async (entries) => {
        await log.append(entries);
        for (const entry of entries) {
          const { position = 0 } = entry;
          if (this.#isNews(position)) this.#listener.refused(position, codeOf(entry));
        }
      },
      close: () => log.close(),
    };
  }
}
