const ID_PLACE = "millrace-bench-id-place";

/** Sent when no event is given: nothing of it looks like a customer's. */
export const BENCH_EVENT: Readonly<Record<string, unknown>> = {
  type: "millrace.bench",
  data: { note: "sent by millrace bench", page: "https://shop.example/checkout", step: 3, items: ["a", "b", "c"] },
};

/** Writes an event again and again, each with an id of its own: `bench-RUN-NUMBER`. */
export class EventTemplate {
  readonly #before: string;
  readonly #after: string;
  #number = 0;

  /** @param run told apart from other runs by this, so that ids do not meet again */
  constructor(event: Readonly<Record<string, unknown>>, run: string) {
    const { id: _replaced, ...rest } = event;
    const text = JSON.stringify({ id: ID_PLACE, ...rest });
    const at = text.indexOf(ID_PLACE);
    this.#before = `${text.slice(0, at)}bench-${run}-`;
    this.#after = text.slice(at + ID_PLACE.length);
  }

  /** The body of a request of so many events: one object, or an array. */
  body(events: number): string {
    if (events === 1) return this.#next();
    return `[${Array.from({ length: events }, () => this.#next()).join(",")}]`;
  }

  #next(): string {
    return `${this.#before}${this.#number++}${this.#after}`;
  }
}
