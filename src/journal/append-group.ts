import type { CollectedEvent, Position } from "../core/event.ts";

interface Waiter {
  readonly first: Position;
  readonly resolve: (first: Position) => void;
  readonly reject: (error: Error) => void;
}

/** The appends of one turn of the event loop: what they add, and who waits for which level. */
export class AppendGroup {
  readonly events: CollectedEvent[] = [];
  /** What the group takes of the journal's budget. */
  bytes = 0;
  readonly #written: Waiter[] = [];
  readonly #synced: Waiter[] = [];

  /** Settles with the group; resolves with `first`. */
  wait(first: Position, synced: boolean): Promise<Position> {
    return new Promise((resolve, reject) => {
      (synced ? this.#synced : this.#written).push({ first, resolve, reject });
    });
  }

  get wantsSync(): boolean {
    return this.#synced.length > 0;
  }

  /** From now on everyone waits for the sync. */
  holdBack(): void {
    this.#synced.push(...this.#written);
    this.#written.length = 0;
  }

  resolveWritten(): void {
    for (const { first, resolve } of this.#written) resolve(first);
  }

  resolveSynced(): void {
    for (const { first, resolve } of this.#synced) resolve(first);
  }

  rejectSynced(error: Error): void {
    for (const { reject } of this.#synced) reject(error);
  }

  reject(error: Error): void {
    for (const { reject } of this.#written) reject(error);
    this.rejectSynced(error);
  }
}
