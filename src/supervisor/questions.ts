import type { Clock } from "../core/clock.ts";
import type { QuestionMessage } from "./messages.ts";

/**
 * Most questions that wait for an answer in either direction, and most messages that wait to be
 * read: a bound for what a process that does not read costs the other one.
 */
const MAX_OPEN = 1_000;

/** Where questions and answers are sent; a `Channel`. */
interface Outlet {
  readonly unsent: number;
  post(message: QuestionMessage): Promise<void>;
}

type Handler = (question: unknown) => Promise<unknown>;

interface OpenQuestion {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Questions and answers over a channel, in both directions.
 *
 * Invariant: every question that was asked is settled: by its answer, its timeout, or the end
 * of the other side.
 */
export class Questions {
  readonly #outlet: Outlet;
  readonly #clock: Clock;
  readonly #asked = new Map<number, OpenQuestion>();
  /** Asked of us before there was a handler. */
  #early: Extract<QuestionMessage, { kind: "ask" }>[] = [];
  #handler: Handler | undefined;
  #answering = 0;
  #nextId = 0;
  /** Why nothing more can be asked. */
  #closed: string | undefined;

  constructor(outlet: Outlet, clock: Clock) {
    this.#outlet = outlet;
    this.#clock = clock;
  }

  /** Rejects when the other side refuses, ends, or does not answer within `timeoutMs`. */
  ask(question: unknown, timeoutMs: number): Promise<unknown> {
    if (this.#closed !== undefined) return Promise.reject(new Error(this.#closed));
    if (this.#asked.size >= MAX_OPEN || this.#outlet.unsent >= MAX_OPEN) {
      return Promise.reject(new Error(`more than ${MAX_OPEN} questions wait for an answer`));
    }
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        timer.cancel();
        this.#asked.delete(id);
      };
      const open: OpenQuestion = {
        resolve: (answer) => {
          settle();
          resolve(answer);
        },
        reject: (error) => {
          settle();
          reject(error);
        },
      };
      const timer = this.#clock.after(timeoutMs, () => open.reject(new Error(`no answer within ${timeoutMs} ms`)));
      this.#asked.set(id, open);
      this.#outlet.post({ kind: "ask", id, question }).catch(open.reject);
    });
  }

  /** Sets who answers; questions that came before are answered now. */
  answerWith(handler: Handler): void {
    this.#handler = handler;
    const early = this.#early;
    this.#early = [];
    for (const message of early) void this.#answer(message.id, message.question, handler);
  }

  hear(message: QuestionMessage): void {
    switch (message.kind) {
      case "ask":
        if (this.#early.length + this.#answering >= MAX_OPEN) this.#refuse(message.id, "too many questions at a time");
        else if (this.#handler === undefined) this.#early.push(message);
        else void this.#answer(message.id, message.question, this.#handler);
        return;
      case "answer":
        this.#asked.get(message.id)?.resolve(message.answer);
        return;
      case "refusal":
        this.#asked.get(message.id)?.reject(new Error(message.reason));
        return;
    }
  }

  /** The other side is gone: rejects what was asked and what will be. */
  close(reason: string): void {
    this.#closed = reason;
    this.#early = [];
    for (const open of this.#asked.values()) open.reject(new Error(reason));
  }

  async #answer(id: number, question: unknown, handler: Handler): Promise<void> {
    this.#answering++;
    try {
      await this.#outlet.post({ kind: "answer", id, answer: await handler(question) });
    } catch (error) {
      this.#refuse(id, error instanceof Error ? error.message : String(error));
    } finally {
      this.#answering--;
    }
  }

  #refuse(id: number, reason: string): void {
    void this.#outlet.post({ kind: "refusal", id, reason });
  }
}
