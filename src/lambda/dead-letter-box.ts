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

  /** Rejects when the sink did not take all that it may take later. */
  async append(entries: readonly RejectedEvent[]): Promise<void> {
    const { sink } = this.#options;
    const letters = entries.map((entry) => this.#letterOf(entry));
    if (sink === undefined) {
      this.#print(letters);
      return;
    }
    const { maxEvents, maxBytes, maxEventBytes } = sink.limits;
    let batch: CollectedEvent[] = [];
    let bytes = 0;
    for (const letter of letters) {
      const size = sink.eventBytes(letter);
      if (size > Math.min(maxEventBytes, maxBytes)) {
        // The log is a worse place than the sink, and a better one than none.
        this.#print([letter]);
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

  /** What the sink will never take is printed too: a letter that holds up its shard would be worse than one in the log. */
  async #write(sink: Sink, batch: readonly CollectedEvent[]): Promise<void> {
    const receipt = await sink.write(batch, AbortSignal.timeout(this.#options.timeoutMs));
    switch (receipt.kind) {
      case "delivered":
        return;
      case "retryable":
        throw notTaken(receipt.reason);
      case "refused":
        if (batch.length === 1) this.#print(batch);
        else for (const letter of batch) await this.#write(sink, [letter]);
        return;
      case "partial": {
        this.#print(batch.filter((_, index) => receipt.fates[index]?.kind === "rejected"));
        const left = receipt.fates.find((fate) => fate.kind === "retryable");
        if (left !== undefined) throw notTaken(left.reason);
      }
    }
  }

  #print(letters: readonly CollectedEvent[]): void {
    for (const letter of letters) this.#options.print(letter.bytes.toString());
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

function notTaken(reason: string): Error {
  return new Error(`the sink for dead letters did not take them: ${reason}`);
}
