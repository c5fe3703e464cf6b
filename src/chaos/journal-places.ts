/** Which event each place in the journal was given to, as all sinks together saw it. */
export class JournalPlaces {
  readonly #slots = new Map<string, Map<number, number>>();
  #size = 0;

  /** How many places there are. */
  get size(): number {
    return this.#size;
  }

  /** Gives a place to an event, unless it is another one's already; returns whose it is. */
  claim(slot: string, position: number, seq: number): number {
    let places = this.#slots.get(slot);
    if (places === undefined) this.#slots.set(slot, (places = new Map()));
    const owner = places.get(position);
    if (owner !== undefined) return owner;
    places.set(position, seq);
    this.#size++;
    return seq;
  }

  *[Symbol.iterator](): Generator<readonly [slot: string, position: number]> {
    for (const [slot, places] of this.#slots) for (const position of places.keys()) yield [slot, position];
  }
}
