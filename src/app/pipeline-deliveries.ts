import type { Deliveries, SinkStatus, SlotStatus } from "../core/deliveries.ts";
import type { Position } from "../core/event.ts";
import type { Journal } from "../core/journal.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";

/** Answers what became of an event from the pipelines that are running now. */
export class PipelineDeliveries implements Deliveries {
  readonly #pipelines: () => Iterable<Pipeline>;
  readonly #journal: Journal;

  readonly #statusIn: Deliveries["statusIn"];

  /** @param statusIn asks the worker of another slot */
  constructor(pipelines: () => Iterable<Pipeline>, journal: Journal, statusIn: Deliveries["statusIn"]) {
    this.#pipelines = pipelines;
    this.#journal = journal;
    this.#statusIn = statusIn;
  }

  statusIn(slot: string, position: Position): Promise<SlotStatus> {
    return this.#statusIn(slot, position);
  }

  async whenSettled(
    from: Position,
    count: number,
    timeoutMs: number,
  ): Promise<"delivered" | "undelivered" | "timeout"> {
    const cancel = new AbortController();
    const waits: Promise<"delivered" | "undelivered">[] = [];
    for (const pipeline of this.#pipelines()) {
      if (pipeline.settings.required) waits.push(pipeline.whenSettled(from, count, cancel.signal));
    }
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<"timeout">((resolve) => {
      timer = setTimeout(() => resolve("timeout"), timeoutMs);
    });
    try {
      const settled = Promise.all(waits).then((all) => (all.includes("undelivered") ? "undelivered" : "delivered"));
      return await Promise.race([settled, timeout]);
    } finally {
      clearTimeout(timer);
      cancel.abort();
    }
  }

  statusOf(position: Position): readonly SinkStatus[] | undefined {
    if (position < 0 || position >= this.#journal.end) return undefined;
    const statuses: SinkStatus[] = [];
    for (const pipeline of this.#pipelines()) {
      const { name, required } = pipeline.settings;
      statuses.push({ sink: name, required, state: pipeline.stateOf(position) });
    }
    return statuses;
  }
}
