import type { CollectedEvent, EventDraft, Position } from "../../src/core/event.ts";
import type { AppendLevel } from "../../src/core/journal.ts";
import type { World } from "./world.ts";

/**
 * What the sender of an event was told of it:
 * `pending`: nothing yet. `unsure`: nothing, and the collector is gone; or that it may not survive a power cut.
 * `written`: survives the end of the process. `synced`: survives a power cut.
 * `refused`: is not in the journal.
 */
export type Promised = "pending" | "unsure" | "written" | "synced" | "refused";

/** An event as its sender knows it. */
export interface KnownEvent {
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly bytes: Buffer;
  promised: Promised;
  /** When its sender was told so, and by which life of the collector. */
  told: { readonly atMs: number; readonly life: number } | undefined;
  /** The position anybody outside of the collector has seen it at. */
  position: Position | undefined;
  /** Damage was done to the record of it on purpose: it may be lost, and must be counted. */
  isDamaged: boolean;
  /** It was not synced, and a power cut took it. */
  isLost: boolean;
  /** Its append failed before anybody was shown it. */
  wasRefused: boolean;
  /** A power cut brought it back then. */
  isRevived: boolean;
}

/** All events that were ever sent, whatever became of them, and the positions at which they were seen. */
export class KnownEvents {
  readonly #world: World;
  readonly #events = new Map<string, KnownEvent>();
  readonly #owners = new Map<Position, KnownEvent>();

  constructor(world: World) {
    this.#world = world;
  }

  [Symbol.iterator](): Iterator<KnownEvent> {
    return this.#events.values();
  }

  get size(): number {
    return this.#events.size;
  }

  of(id: string): KnownEvent | undefined {
    return this.#events.get(id);
  }

  add(draft: EventDraft): KnownEvent {
    const event: KnownEvent = {
      id: draft.id,
      source: draft.source,
      type: draft.type,
      bytes: Buffer.concat([draft.head, draft.body, draft.tail, Buffer.from(draft.closing)]),
      promised: "pending",
      told: undefined,
      position: undefined,
      isDamaged: false,
      isLost: false,
      wasRefused: false,
      isRevived: false,
    };
    this.#events.set(event.id, event);
    return event;
  }

  /** An append was acknowledged: its sender now knows the positions of its events. */
  acknowledged(events: readonly KnownEvent[], first: Position, level: AppendLevel, life: number): void {
    const told = { atMs: this.#world.time.nowMs, life };
    for (const [index, event] of events.entries()) {
      event.promised = level;
      event.told = told;
      this.#see(event, first + index, "its sender");
    }
  }

  /** Someone has got an event: it must be one that was sent, as it was sent, where it always was. */
  seenBy(who: string, event: CollectedEvent): KnownEvent | undefined {
    const known = this.check(who, event);
    if (known !== undefined) this.#see(known, event.position, who);
    return known;
  }

  /**
   * A power cut may bring back the whole records of an append that failed half-way, when it
   * undoes that they were cut off. Their senders were told to send them again.
   */
  excuse(found: readonly CollectedEvent[]): void {
    for (const { id } of found) {
      const known = this.#events.get(id);
      if (known?.wasRefused !== true) continue;
      if (known.promised === "refused") known.promised = "unsure";
      known.isRevived = true;
      this.#world.count("refused events that a power cut brought back");
    }
  }

  /** As `seenBy`, where it has not left the collector yet. */
  check(who: string, { id, source, type, bytes, position }: CollectedEvent): KnownEvent | undefined {
    const known = this.#events.get(id);
    if (known === undefined) {
      this.#world.violate("bytes", `${who} has an event ${id} at position ${position} that nobody sent`);
      return undefined;
    }
    if (known.source !== source || known.type !== type || !known.bytes.equals(bytes))
      this.#world.violate("bytes", `${who} has other bytes of ${id} than its sender sent`);
    if (known.promised === "refused")
      this.#world.violate(
        "refused",
        `${who} has ${id} at position ${position}, whose sender was told that it is not in the journal`,
      );
    return known;
  }

  #see(event: KnownEvent, position: Position, who: string): void {
    event.position ??= position;
    if (event.position !== position)
      this.#world.violate(
        "positions",
        `${who} sees ${event.id} at position ${position}, and it was at ${event.position}`,
      );
    const owner = this.#owners.get(position) ?? event;
    this.#owners.set(position, owner);
    // Its position is given to another once it is synced that it was cut off. That is for nothing when syncs fail.
    if ((event.isRevived || owner.isRevived) && this.#world.hasFailedSyncs) return;
    if (owner !== event)
      this.#world.violate(
        "positions",
        `${who} sees ${event.id} at position ${position}, which was that of ${owner.id}`,
      );
  }
}
