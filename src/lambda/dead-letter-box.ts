import { hash } from "node:crypto";
import type { CollectedEvent } from "../core/event.ts";
import type { RejectedEvent, RejectLog } from "../core/reject-log.ts";
import type { Sink } from "../core/sink.ts";

/** The CloudEvents type of a dead letter. */
const TYPE = "millrace.deadletter";

export interface DeadLetterBoxOptions {
  /** Where dead letters go; without one they are printed. */
  readonly sink: Sink | undefined;
  readonly timeoutMs: number;
  readonly print: (line: string) => void;
  readonly nowMs: () => number;
}

/**
 * What a function cannot deliver, as CloudEvents of type `millrace.deadletter`, at a sink or in
 * the function's log. Made again for the same event it has the same id, so that a batch that is
 * invoked twice leaves one dead letter at a sink that goes by ids.
 */
export class DeadLetterBox implements RejectLog {
  readonly #options: DeadLetterBoxOptions;

  constructor(options: DeadLetterBoxOptions) {
    this.#options = options;
  }

  /** Rejects when the sink did not take all of them. */
  async append(entries: readonly RejectedEvent[]): Promise<void> {
    const { sink, print } = this.#options;
    const letters = entries.map((entry) => this.#letterOf(entry));
    if (sink === undefined) {
      for (const letter of letters) print(letter.bytes.toString());
      return;
    }
    const { maxEvents, maxBytes, maxEventBytes } = sink.limits;
    let batch: CollectedEvent[] = [];
    let bytes = 0;
    for (const letter of letters) {
      const size = sink.eventBytes(letter);
      if (size > Math.min(maxEventBytes, maxBytes)) {
        // The log is a worse place than the sink, and a better one than none.
        print(letter.bytes.toString());
        continue;
      }
      if (batch.length === maxEvents || bytes + size > maxBytes) {
        await this.#write(sink, batch);
        batch = [];
        bytes = 0;
      }
      batch.push(letter);
      bytes += size;
    }
    if (batch.length > 0) await this.#write(sink, batch);
  }

  async #write(sink: Sink, batch: readonly CollectedEvent[]): Promise<void> {
    const receipt = await sink.write(batch, AbortSignal.timeout(this.#options.timeoutMs));
    if (receipt.kind === "delivered") return;
    const reason =
      receipt.kind === "partial"
        ? receipt.fates.map((fate) => ("reason" in fate ? fate.reason : "")).find((words) => words !== "")
        : receipt.reason;
    if (reason !== undefined) throw new Error(`the sink for dead letters did not take them: ${reason}`);
  }

  #letterOf({ source, sink, code, reasons, event }: RejectedEvent): CollectedEvent {
    const text = Buffer.from(event).toString("base64");
    const id = hash("sha256", JSON.stringify([sink ?? "", code, text]));
    const nowMs = this.#options.nowMs();
    const letter = {
      specversion: "1.0",
      id,
      type: TYPE,
      source,
      time: new Date(nowMs).toISOString(),
      data: { sink, code, reasons, eventBase64: text },
    };
    const bytes = Buffer.from(JSON.stringify(letter));
    return { position: 0, id, type: TYPE, source, receivedMs: nowMs, bytes };
  }

  async close(): Promise<void> {
    await this.#options.sink?.close();
  }
}
