import type { Logger } from "pino";
import type { ClaimStore } from "../core/claim-store.ts";
import type { Clock } from "../core/clock.ts";
import type { SinkSettings } from "../core/config-fields.ts";
import type { Position } from "../core/event.ts";
import type { EventLog } from "../core/journal.ts";
import type { RejectLog } from "../core/reject-log.ts";
import type { Sink } from "../core/sink.ts";
import type { Caution } from "./caution.ts";
import type { PipelineMetrics } from "./metrics.ts";
import type { SettleListener } from "./settlement.ts";

/** What a pipeline is made of. */
export interface PipelineOptions {
  readonly settings: SinkSettings;
  readonly sink: Sink;
  readonly journal: EventLog;
  /** The cursor to continue from. */
  readonly from: Position;
  /** Told of each move of the cursor; never after `stop` or `drain` has resolved. */
  readonly settle: SettleListener;
  readonly deadLetters: RejectLog;
  /** Where the data of events goes that are too large for the sink. Without it they are dead-lettered. */
  readonly claims?: ClaimStore | undefined;
  readonly clock: Clock;
  /** From 0 up to 1, for the jitter of delays. */
  readonly random: () => number;
  readonly metrics: PipelineMetrics;
  readonly log: Logger;
  /** Events from the cursor to the end of the journal, by the ledger: unlike positions, each is one. */
  readonly owed: () => number;
  readonly caution?: Caution;
  /** Positions that go to the dead letters as `crashed_worker`, without being filtered, encoded or sent. */
  readonly setAside?: ReadonlySet<Position>;
}
