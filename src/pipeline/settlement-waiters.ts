import type { Position } from "../core/event.ts";
import { STANDING, type Standing } from "./standing.ts";

interface Waiter {
  /** Everything the waiter asked for below this position is settled. */
  next: Position;
  readonly end: Position;
  allTaken: boolean;
  readonly resolve: (result: "delivered" | "undelivered") => void;
}

/**
 * Who waits for which positions to be settled.
 *
 * Thousands of senders may wait for a slow sink, so each is looked at only when the position
 * is settled that it waits for next.
 */
export class SettlementWaiters {
  readonly #standingOf: (position: Position) => Standing;
  /** By the first position that is not settled of those that were asked for. */
  readonly #blocked = new Map<Position, Set<Waiter>>();
  /** Those of whom a position was settled since they were told last. */
  #due = new Set<Waiter>();

  constructor(standingOf: (position: Position) => Standing) {
    this.#standingOf = standingOf;
  }

  /** The event at this position is settled. */
  settled(position: Position): void {
    const waiters = this.#blocked.get(position);
    if (waiters === undefined) return;
    this.#blocked.delete(position);
    for (const waiter of waiters) this.#due.add(waiter);
  }

  /** Some positions turned out to hold no event. */
  skipped(): void {
    for (const position of this.#blocked.keys()) this.settled(position);
  }

  /** Tells those who wait for nothing more. */
  tell(): void {
    if (this.#due.size === 0) return;
    const due = this.#due;
    this.#due = new Set();
    for (const waiter of due) this.#look(waiter);
  }

  /** As `Settlement.whenSettled`. */
  wait(from: Position, count: number, signal: AbortSignal): Promise<"delivered" | "undelivered"> {
    const { promise, resolve } = Promise.withResolvers<"delivered" | "undelivered">();
    if (signal.aborted) return promise;
    const cancel = () => this.#forget(waiter);
    const waiter: Waiter = {
      next: from,
      end: from + count,
      allTaken: true,
      resolve: (result) => {
        signal.removeEventListener("abort", cancel);
        resolve(result);
      },
    };
    signal.addEventListener("abort", cancel, { once: true });
    this.#look(waiter);
    return promise;
  }

  #look(waiter: Waiter): void {
    while (waiter.next < waiter.end) {
      const standing = this.#standingOf(waiter.next);
      if (standing === STANDING.held) {
        this.#block(waiter);
        return;
      }
      if (standing !== STANDING.delivered && standing !== STANDING.filtered) waiter.allTaken = false;
      waiter.next++;
    }
    waiter.resolve(waiter.allTaken ? "delivered" : "undelivered");
  }

  #block(waiter: Waiter): void {
    const others = this.#blocked.get(waiter.next);
    if (others === undefined) this.#blocked.set(waiter.next, new Set([waiter]));
    else others.add(waiter);
  }

  #forget(waiter: Waiter): void {
    this.#due.delete(waiter);
    const waiters = this.#blocked.get(waiter.next);
    waiters?.delete(waiter);
    if (waiters?.size === 0) this.#blocked.delete(waiter.next);
  }
}
