// A Kinesis stand-in in a process of its own, so that it takes nothing from the memory and the
// event loop of the load, which counts what it stores instead of keeping it.
import { startKinesisStandIn } from "../../src/testing.ts";
import type { SinkCommand, SinkCounts } from "./counting-sink.ts";
import { isIntact, numberOf, placeOf } from "./numbered-events.ts";
import { Tally } from "./tally.ts";

/** Events that are not sample events are kept whole, up to this many. */
const MAX_OTHERS = 100_000;

const lanes = Number(process.argv[2]);
const stored = new Tally();
const newestOfLane = new Map<number, number>();
const newestOfSlot = new Map<string, number>();
const counts = { records: 0, altered: 0, outOfLaneOrder: 0, outOfSlotOrder: 0, furthestBack: 0 };
const others: string[] = [];

const standIn = await startKinesisStandIn({
  keepRecords: false,
  onRecord({ data }) {
    counts.records++;
    const number = numberOf(data);
    if (number === undefined) {
      if (others.length < MAX_OTHERS) others.push(data.toString());
      return;
    }
    if (!isIntact(data, number)) counts.altered++;
    // Order is that of the first delivery; what is delivered again comes late by nature.
    if (stored.add(number) > 0) return;
    if (isOlder(newestOfLane, number % lanes, number)) counts.outOfLaneOrder++;
    const place = placeOf(data);
    if (place === undefined) throw new Error(`a record without its place: ${data.toString()}`);
    const newest = newestOfSlot.get(place.slot) ?? -1;
    if (isOlder(newestOfSlot, place.slot, place.position)) {
      counts.outOfSlotOrder++;
      counts.furthestBack = Math.max(counts.furthestBack, newest - place.position);
    }
  },
});

process.on("message", (command: SinkCommand) => void obey(command));
process.on("disconnect", () => process.exit());
process.send?.({ url: standIn.url });

async function obey(command: SinkCommand): Promise<void> {
  switch (command.kind) {
    case "down":
      await standIn.down();
      break;
    case "up":
      await standIn.up();
      break;
    case "faults":
      standIn.faults = command.faults;
      break;
    case "counts":
      break;
  }
  const reply: SinkCounts = {
    ...counts,
    ...(command.kind === "counts" && { stored: stored.bytes, others }),
    distinct: stored.distinct,
  };
  process.send?.(reply);
}

/** Keeps the newest number of each key; says whether this one is older than it. */
function isOlder<Key>(newest: Map<Key, number>, key: Key, number: number): boolean {
  if (number < (newest.get(key) ?? -1)) return true;
  newest.set(key, number);
  return false;
}
