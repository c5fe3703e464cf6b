import type { CollectedEvent } from "../core/event.ts";

/** A CloudEvents object, of which only `data` is looked at by name. */
export interface ParsedEvent {
  readonly data?: unknown;
}

/** An event as expressions read it: parsed when the first one needs it, and once for all of them. */
export class ReadEvent {
  readonly event: CollectedEvent;
  #parsed: ParsedEvent | undefined;

  constructor(event: CollectedEvent) {
    this.event = event;
  }

  /** Throws when the event is not JSON, which an accepted one always is. */
  parsed(): ParsedEvent {
    if (this.#parsed === undefined) {
      const parsed: ParsedEvent = JSON.parse(this.event.bytes.toString("utf8"));
      this.#parsed = parsed;
    }
    return this.#parsed;
  }
}
