import type { Sighting } from "./chaos-event.ts";

/** One journal position as a sink saw it first. */
interface Place {
  readonly seq: number;
  readonly atMs: number;
  /** Whether the sink told the collector that it has the event. */
  readonly told: boolean;
}

/** A position that a sink got again. */
export interface Redelivery {
  readonly seq: number;
  readonly first: Place;
  readonly againMs: number;
}

/** What one sink stored, kept by event and by place in the journal. */
export class SinkRecord {
  readonly name: string;
  /** Of each event, when the sink first had it. */
  readonly #firstMs = new Map<number, number>();
  /** Of each event, the places in the journal it came from: one for each time the journal took it. */
  readonly #placesOf = new Map<number, number>();
  readonly #slots = new Map<string, Map<number, Place>>();
  readonly redeliveries: Redelivery[] = [];
  #places = 0;

  constructor(name: string) {
    this.name = name;
  }

  /** Notes one stored event. */
  add(sighting: Sighting & { readonly seq: number }, atMs: number, told: boolean): void {
    const { seq, slot, position } = sighting;
    if (!this.#firstMs.has(seq)) this.#firstMs.set(seq, atMs);
    let places = this.#slots.get(slot);
    if (places === undefined) this.#slots.set(slot, (places = new Map()));
    const first = places.get(position);
    if (first === undefined) {
      places.set(position, { seq, atMs, told });
      this.#places++;
      this.#placesOf.set(seq, (this.#placesOf.get(seq) ?? 0) + 1);
    } else if (first.seq === seq) {
      this.redeliveries.push({ seq, first, againMs: atMs });
    }
  }

  hasPlace(slot: string, position: number): boolean {
    return this.#slots.get(slot)?.has(position) === true;
  }

  has(seq: number): boolean {
    return this.#firstMs.has(seq);
  }

  firstMs(seq: number): number | undefined {
    return this.#firstMs.get(seq);
  }

  placesOf(seq: number): number {
    return this.#placesOf.get(seq) ?? 0;
  }

  /** Different places of the journal that came here: what a ledger calls delivered. */
  get places(): number {
    return this.#places;
  }
}
