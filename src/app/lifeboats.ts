import type { Logger } from "pino";
import { systemClock } from "../core/clock.ts";
import type { Ledger } from "../core/ledger.ts";
import { slotDirectory } from "../journal/slot-directory.ts";
import { filesToDeliver } from "../journal/slots-on-disk.ts";
import { LaunchedBoats } from "../lifeboat/launched-boats.ts";
import { launch, withdraw } from "../lifeboat/lifeboat.ts";
import { type LifeboatStore, openLifeboatStore } from "../lifeboat/lifeboat-store.ts";
import type { MillraceConfig } from "./config.ts";

type LifeboatConfig = NonNullable<MillraceConfig["shutdown"]["lifeboat"]>;

/** Longest time to look for lifeboats that are not needed any more. The next start tries again. */
const WITHDRAW_MS = 600_000;

/** The lifeboats of one slot: what they are for is said in `shutdown.lifeboat`. Their failures are logged, and cost nothing else. */
export class Lifeboats {
  readonly reserveMs: number;
  readonly #lifeboat: LifeboatConfig;
  readonly #config: MillraceConfig;
  readonly #slot: string;
  readonly #log: Logger;

  private constructor(lifeboat: LifeboatConfig, config: MillraceConfig, slot: string, log: Logger) {
    this.reserveMs = lifeboat.reserveMs;
    this.#lifeboat = lifeboat;
    this.#config = config;
    this.#slot = slot;
    this.#log = log;
  }

  /** `undefined` when none are configured, or there will be nothing on disk to put into one. */
  static of(config: MillraceConfig, slot: string, log: Logger): Lifeboats | undefined {
    const { lifeboat } = config.shutdown;
    if (lifeboat === undefined || config.journal.durability === "memory") return undefined;
    return new Lifeboats(lifeboat, config, slot, log);
  }

  /** The journal came back with what its own lifeboats hold: they are not needed. Ends when `cancel` aborts. */
  async withdraw(cancel: AbortSignal): Promise<void> {
    const { node, journal } = this.#config;
    const signal = AbortSignal.any([cancel, AbortSignal.timeout(WITHDRAW_MS)]);
    try {
      const store = await openLifeboatStore(this.#lifeboat);
      const launched = new LaunchedBoats(slotDirectory(journal, this.#slot));
      const slot = { node, slot: this.#slot, launched: await launched.read() };
      const { withdrawn, left } = await withdraw(store, slot, signal);
      // There may be a new one by now.
      signal.throwIfAborted();
      await launched.clear();
      if (withdrawn.length > 0) this.#log.info({ withdrawn }, "the journal is back, and its lifeboats were withdrawn");
      if (left.length > 0) {
        this.#log.warn(
          { place: store.place, lifeboats: left },
          "there are lifeboats of this node with events that its journal does not have; deliver them with: millrace journal import",
        );
      }
    } catch (error) {
      this.#log.warn({ err: error }, "the lifeboats of this slot could not be looked for; the next start tries again");
    }
  }

  /**
   * Copies what the closed slot still holds, within `atMostMs`.
   *
   * @param withdrawn ends when a `withdraw` that was cancelled has
   */
  async launch(ledger: Ledger, atMostMs: number, withdrawn: Promise<void>): Promise<void> {
    const owed = ledger.sinks.map((sink) => [sink, ledger.held(sink)] as const).filter(([, events]) => events > 0);
    if (owed.length === 0) return;
    const held = Object.fromEntries(owed);
    try {
      const signal = AbortSignal.timeout(Math.max(1, Math.round(atMostMs)));
      await unlessAborted(withdrawn, signal);
      const store = await openLifeboatStore(this.#lifeboat);
      const boat = await unlessAborted(this.#fill(store, ledger, held, signal), signal);
      this.#log.info(
        { place: store.place, lifeboat: boat, held },
        "what the sinks did not take is in the journal, and in a lifeboat for another node to import",
      );
    } catch (error) {
      this.#log.error(
        { err: error, held },
        "no lifeboat could be filled in time; what the sinks did not take is in the journal",
      );
    }
  }

  async #fill(
    store: LifeboatStore,
    ledger: Ledger,
    held: Readonly<Record<string, number>>,
    signal: AbortSignal,
  ): Promise<string> {
    const files = await filesToDeliver(this.#config.journal, this.#slot, ledger.lowestCursor());
    const slot = { node: this.#config.node, slot: this.#slot, held, files };
    const boat = await launch(store, slot, systemClock.nowMs(), signal);
    await new LaunchedBoats(slotDirectory(this.#config.journal, this.#slot)).add(boat);
    return boat;
  }
}

/** What a file server is asked to do cannot be cut short, but it need not be waited for. */
async function unlessAborted<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result> {
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => aborted.reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    signal.throwIfAborted();
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
