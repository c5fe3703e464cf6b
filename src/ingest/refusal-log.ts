import type { Logger } from "pino";
import type { Clock } from "../core/clock.ts";
import { ThrottledLog } from "../core/throttled-log.ts";
import type { Problem, ProblemCode } from "./problems.ts";

/** Refusals that are not the sender's doing, with what the operator can do. */
const OPERATORS_MATTER: readonly (readonly [ProblemCode, string])[] = [
  [
    "journal_full",
    "the journal or its disk is full, and senders are answered 429: mend the sink that takes nothing (GET /v1/sinks on the admin port), free disk space, or raise journal.maxBytes",
  ],
  [
    "journal_write_failed",
    "the journal cannot be written, and senders are answered 503: see to the disk and the permissions of journal.dir",
  ],
  [
    "overloaded",
    "the bodies under way use up http.maxPendingBytes, and senders are answered 429: raise it, or run more processes",
  ],
];

/** Tells the operator, at most once a minute for each cause, that senders are refused and why. */
export class RefusalLog {
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #byCode = new Map<ProblemCode, ThrottledLog>();

  constructor(log: Logger, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
    for (const [code, message] of OPERATORS_MATTER) {
      this.#byCode.set(code, new ThrottledLog((requests) => log.warn({ code, requests }, message)));
    }
  }

  add({ code, detail }: Problem): void {
    this.#log.debug({ code, detail }, "request refused");
    this.#byCode.get(code)?.add(1, this.#clock.monotonicMs());
  }
}
