import path from "node:path";
import { z } from "zod";
import { MillraceError } from "../core/errors.ts";
import { loadJson, saveJson } from "./saved-json.ts";

/** Positions that each start of a run has for itself, so that none is used twice: sinks name files and objects by them. */
const POSITIONS_OF_A_START = 1e10;

const place = z.object({ unit: z.string(), index: z.number() });

const counts = z.record(z.string(), z.number());

const stateFile = z.object({
  version: z.literal(1),
  /** What is replayed where, as a text to compare: a run goes on with the same only. */
  what: z.string(),
  starts: z.number(),
  finished: z.boolean(),
  /** All up to and with it is settled; `null` while nothing is. */
  cursor: place.nullable(),
  /** What was settled beyond the cursor, with its outcome: `delivered`, else the code with which it was refused. */
  ahead: z.array(place.extend({ outcome: z.string() })),
  read: z.number(),
  delivered: z.number(),
  refused: counts,
  skipped: counts,
});

/** How far a run has come: saved while it runs, read when it goes on. */
export type RunState = z.infer<typeof stateFile>;

export function newRun(what: string): RunState {
  const none = { read: 0, delivered: 0, refused: {}, skipped: {} };
  return { version: 1, what, starts: 0, finished: false, cursor: null, ahead: [], ...none };
}

/** The first position of this start of a run. */
export function firstPosition({ starts }: RunState): number {
  return starts * POSITIONS_OF_A_START;
}

/** Rejects with `replay_unusable` when there is no such run, or what is saved of it cannot be read. */
export async function loadRun(runDir: string): Promise<RunState> {
  const file = stateFileOf(runDir);
  const found = await loadJson(file).catch((error: unknown) => error);
  if (found === undefined)
    throw new MillraceError("replay_unusable", `there is no replay to go on with: ${file} is not there`);
  const state = stateFile.safeParse(found);
  if (state.success) return state.data;
  throw new MillraceError(
    "replay_unusable",
    `${file} is damaged: begin a new run, with --since to leave out what is done`,
  );
}

export async function saveRun(runDir: string, state: RunState): Promise<void> {
  await saveJson(stateFileOf(runDir), state);
}

function stateFileOf(runDir: string): string {
  return path.join(runDir, "state.json");
}
