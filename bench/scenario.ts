import type { Finding } from "./finding.ts";
import type { Length } from "./measure.ts";
import type { Measurement } from "./measurement.ts";

export interface ScenarioContext {
  /** The collector's program. */
  readonly main: string;
  readonly rounds: number;
  readonly length: Length;
  /** Says what is being done, to whoever waits. */
  readonly progress: (what: string) => void;
  /** Says what was left out, and why. */
  readonly skip: (what: string) => void;
}

export interface ScenarioResult {
  readonly measurements: readonly Measurement[];
  readonly findings: readonly Finding[];
}

export interface Scenario {
  /** As `--only` takes it. */
  readonly name: string;
  readonly what: string;
  run(context: ScenarioContext): Promise<ScenarioResult>;
}
