import type { ReplayProgress } from "../replay/run-replay.ts";
import { clearLine, showLine } from "./changing-line.ts";
import type { CliContext } from "./cli-context.ts";

const ON_A_TERMINAL_MS = 250;
const ELSEWHERE_MS = 5_000;
const BAR_CHARS = 24;

/** A bar that changes on a terminal, and elsewhere a line every few seconds. */
export class ReplayProgressBar {
  readonly #context: CliContext;
  readonly #startMs = performance.now();
  #nextMs: number;
  readonly #deliveredBefore: number;
  #isShown = false;

  /** @param deliveredBefore what earlier starts of the run have delivered, which is no part of its speed */
  constructor(context: CliContext, deliveredBefore = 0) {
    this.#context = context;
    this.#deliveredBefore = deliveredBefore;
    this.#nextMs = this.#startMs + this.#everyMs;
  }

  get #isTerminal(): boolean {
    return this.#context.stderr.isTTY === true;
  }

  get #everyMs(): number {
    return this.#isTerminal ? ON_A_TERMINAL_MS : ELSEWHERE_MS;
  }

  show({ ledger, bytesRead, bytes, lastError }: ReplayProgress): void {
    const rate = Math.round((1_000 * (ledger.delivered - this.#deliveredBefore)) / (performance.now() - this.#startMs));
    const waiting = lastError === undefined ? "" : `; the last answer was: ${lastError}`;
    this.showRead(bytesRead, bytes, `, ${ledger.delivered} delivered (${rate}/s), ${ledger.notSent} waiting${waiting}`);
  }

  /** @param more what there is to say beside how much was read */
  showRead(bytesRead: number, bytes: number, more = ""): void {
    const nowMs = performance.now();
    if (nowMs < this.#nextMs) return;
    this.#nextMs = nowMs + this.#everyMs;
    const part = bytes === 0 ? 0 : Math.min(1, bytesRead / bytes);
    const words = `${Math.floor(part * 100)} % read${more}`;
    if (!this.#isTerminal) {
      this.#context.stderr.write(`${words}\n`);
      return;
    }
    const full = Math.round(part * BAR_CHARS);
    this.#isShown = true;
    showLine(this.#context.stderr, `[${"#".repeat(full)}${".".repeat(BAR_CHARS - full)}] ${words}`);
  }

  end(): void {
    if (this.#isShown) clearLine(this.#context.stderr);
  }
}
