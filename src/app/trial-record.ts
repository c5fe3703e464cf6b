import fs from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { Position } from "../core/event.ts";
import type { Attempt } from "./trial.ts";

/** Trials of an event that have to end with a crash, one after the other: one crash may be chance. */
const PROOF = 2;

const recordFile = z.object({
  onTrial: z.string(),
  suspects: z.array(z.object({ sink: z.string(), position: z.number(), crashes: z.number() })),
});

type Suspect = z.infer<typeof recordFile>["suspects"][number];

/**
 * Whose turn it is to be on trial, and at which event each sink's last trial crashed. It is
 * kept beside the slot, since each trial may be the end of a process.
 */
export class TrialRecord {
  /** The sink whose turn it is; `undefined` when there is no suspect. */
  readonly onTrial: string | undefined;
  readonly #suspects: readonly Suspect[];

  private constructor(onTrial: string | undefined, suspects: readonly Suspect[]) {
    this.onTrial = onTrial;
    this.#suspects = suspects;
  }

  /**
   * Adds what the last trial has shown, and gives the next sink its turn. Sinks that are not
   * among the suspects any more got further: what was tried for them is forgotten.
   *
   * @param tried the event during whose trial the worker died
   * @param sinks the suspects
   */
  static after(slotDirectory: string, sinks: readonly string[], tried: Attempt | undefined): TrialRecord {
    const path = join(slotDirectory, "trials.json");
    if (sinks.length === 0) {
      fs.rmSync(path, { force: true });
      return new TrialRecord(undefined, []);
    }
    const before = read(path);
    const isTried = (suspect: Suspect) => suspect.sink === tried?.sink && suspect.position === tried.position;
    // A sink that lived through its last trial is cleared by it, unless its event is set aside already.
    const suspects = before.suspects.filter(
      (suspect) =>
        sinks.includes(suspect.sink) && !isTried(suspect) && (isProven(suspect) || suspect.sink !== before.onTrial),
    );
    if (tried !== undefined && sinks.includes(tried.sink)) {
      suspects.push({ ...tried, crashes: (before.suspects.find(isTried)?.crashes ?? 0) + 1 });
    }
    const inOrder = sinks.toSorted();
    const onTrial = inOrder.find((sink) => sink > before.onTrial) ?? inOrder[0] ?? "";
    write(path, { onTrial, suspects });
    return new TrialRecord(onTrial, suspects);
  }

  /** The events of a sink that are proven to crash the worker. */
  proven(sink: string): readonly Position[] {
    return this.#suspects
      .filter((suspect) => suspect.sink === sink && isProven(suspect))
      .map(({ position }) => position);
  }
}

function isProven({ crashes }: Suspect): boolean {
  return crashes >= PROOF;
}

function read(path: string): z.infer<typeof recordFile> {
  try {
    return recordFile.parse(JSON.parse(fs.readFileSync(path, "utf8")));
  } catch {
    return { onTrial: "", suspects: [] };
  }
}

function write(path: string, record: z.infer<typeof recordFile>): void {
  try {
    fs.writeFileSync(path, JSON.stringify(record), { mode: 0o640 });
  } catch {
    // A full disk: the trials begin anew, and end the next time that there is room.
  }
}
