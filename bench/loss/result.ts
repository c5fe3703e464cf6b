import { balance } from "../kit/tally.ts";
import type { NumberedLoad } from "../kit/numbered-load.ts";
import type { Rig } from "../kit/rig.ts";

/** What became of the events of one test. */
export interface LossResult {
  readonly test: TestName;
  /** How it went, in words and figures of this run. */
  readonly how: string;
  readonly acknowledged: number;
  readonly lost: number;
  /** Copies stored beyond the first. */
  readonly doubled: number;
  /** Stored, but not with the bytes that were sent. */
  readonly altered: number;
  /** What else went wrong. */
  readonly failed?: string;
  /** All processes of the collector together, and the largest one, at their peaks. */
  readonly peakTreeBytes: number;
  readonly peakProcessBytes: number;
}

export type TestName =
  | "kill -9 under load"
  | "SIGTERM while the sink is down"
  | "sink down for 30 s"
  | "10 s of partial failures"
  | "hostile bodies among good ones"
  | "saturation for 30 s, 1 event a request"
  | "saturation for 30 s, 20 events a request";

/** Whether nothing went wrong. A test that got nothing acknowledged has shown nothing. */
export function isSound({ acknowledged, lost, altered, failed }: LossResult): boolean {
  return acknowledged > 0 && lost === 0 && altered === 0 && failed === undefined;
}

/** Compares what the sender was told with what the sink has, once the collector has nothing left to deliver. */
export async function resultOf(test: TestName, how: string, rig: Rig, load: NumberedLoad): Promise<LossResult> {
  const counts = await rig.sink.counts();
  const { treeBytes, processBytes } = rig.memory.peaks;
  return {
    test,
    how,
    ...balance(load.acknowledged.bytes, counts.stored),
    altered: counts.altered,
    peakTreeBytes: treeBytes,
    peakProcessBytes: processBytes,
  };
}
