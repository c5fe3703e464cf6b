import { readdir, readFile } from "node:fs/promises";
import path from "node:path";

interface CallFrame {
  readonly functionName: string;
  readonly url: string;
}

export interface ProfileNode {
  readonly id: number;
  readonly callFrame: CallFrame;
  readonly children?: readonly number[];
}

/** What `--cpu-prof` writes, as far as it is read here. */
export interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  /** Microseconds of the monotonic clock. */
  readonly startTime: number;
  /** Ids of nodes. */
  readonly samples: readonly number[];
  /** Microseconds between samples. */
  readonly timeDeltas: readonly number[];
}

/** The profile of the worker, among those of all processes of a collector: the one that has journalled. */
export async function workerProfile(dir: string): Promise<CpuProfile> {
  let found: CpuProfile | undefined;
  for (const name of await readdir(dir)) {
    const each = JSON.parse(await readFile(path.join(dir, name), "utf8")) as CpuProfile;
    const journals = each.nodes.some(({ callFrame }) => callFrame.functionName === "encodeFrame");
    if (journals && each.samples.length > (found?.samples.length ?? 0)) found = each;
  }
  if (found === undefined) throw new Error(`${dir} has no profile of a worker`);
  return found;
}
