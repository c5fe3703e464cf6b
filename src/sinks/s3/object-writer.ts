import type { Batch } from "../../core/sink.ts";
import { compare, type Inscription, inscriptionOf, inscriptionsEqual } from "./inscription.ts";
import type { ObjectKeys } from "./object-key.ts";
import type { Failure, ObjectStore } from "./object-store.ts";

/** `stored`: so many events, the first ones, are in the bucket. */
export type Written = { readonly kind: "stored"; readonly events: number } | Failure;

/**
 * How often an object is found that holds more than the events at hand, before it is taken for
 * another's: the limits of a batch may be too low now for as many to come.
 */
const MAX_UNDECIDED = 20;

export interface ObjectWriterOptions {
  readonly store: ObjectStore;
  readonly contentType: string;
  readonly keys: ObjectKeys;
  readonly conditionalWrites: boolean;
  /** An object with our key holds other events than ours: positions were used twice. */
  readonly onOther: (key: string, newKey: string) => void;
}

/**
 * Stores events as an object, so that it is there once however often this is tried, by this
 * process or one after it.
 *
 * The key says who writes and which event is first. The object is made only if there is none
 * with this key. If there is, what is written on it tells whether it holds our events. It may
 * hold fewer than are to be written now, and then these are stored. It may hold more, since
 * batches are cut by time: then they are stored once the others are at hand too, so that all of
 * an object are confirmed together, and nobody ever begins again in the middle of one. If it
 * holds others, because a journal was wiped, or copied and used by two, the events get a key
 * that all of their ids go into.
 */
export class ObjectWriter {
  readonly #options: ObjectWriterOptions;
  #undecided: { readonly key: string; times: number } | undefined;

  constructor(options: ObjectWriterOptions) {
    this.#options = options;
  }

  /**
   * @param events for one object, in order
   * @param known the same, and what is at hand of those that come behind them
   * @param body the events encoded
   */
  async write(events: Batch, known: Batch, body: Promise<Buffer>, signal: AbortSignal): Promise<Written> {
    const { store, keys, contentType, conditionalWrites } = this.#options;
    const [first] = events;
    if (first === undefined) return { kind: "failed", reason: "nothing to write" };
    const inscription = inscriptionOf(events);
    const key = conditionalWrites ? keys.keyOf(first) : keys.keyByContent(first, inscription.idsSha256);
    const object = { key, contentType, inscription, body: await body };
    const created = await store.create(object, signal);
    if (created.kind === "created") return this.#stored(inscription);
    if (created.kind === "failed") return created;

    const found = await store.look(key, signal);
    if (found.kind === "failed") return found;
    switch (this.#compare(key, found.inscription, known)) {
      case "ours":
        return this.#stored(found.inscription ?? inscription);
      case "undecided":
        return { kind: "failed", reason: "an object holds these events and more, which are to be compared first" };
      case "other":
        break;
    }
    const otherKey = keys.keyOf(first, inscription.idsSha256.slice(0, 16));
    this.#options.onOther(key, otherKey);
    const other = await store.create({ ...object, key: otherKey }, signal);
    if (other.kind === "created") return this.#stored(inscription);
    if (other.kind === "failed") return other;
    const again = await store.look(otherKey, signal);
    if (again.kind === "failed") return again;
    if (again.inscription !== undefined && inscriptionsEqual(again.inscription, inscription)) {
      return this.#stored(inscription);
    }
    return { kind: "failed", reason: "both keys for these events are taken by objects that hold others" };
  }

  #compare(key: string, object: Inscription | undefined, known: Batch): "ours" | "other" | "undecided" {
    const verdict = object === undefined ? "other" : compare(object, known);
    if (verdict !== "undecided") return verdict;
    if (this.#undecided?.key !== key) this.#undecided = { key, times: 0 };
    return ++this.#undecided.times > MAX_UNDECIDED ? "other" : "undecided";
  }

  #stored({ events }: Inscription): Written {
    this.#undecided = undefined;
    return { kind: "stored", events };
  }
}
