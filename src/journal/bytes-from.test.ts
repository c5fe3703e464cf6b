import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { Journal } from "../core/journal.ts";
import { eventBytes, frameBytes } from "./frame.ts";
import { draftOf, openTestJournal } from "./journal-fixture.ts";
import { createMemoryJournal } from "./memory-journal.ts";
import { EVENT_OVERHEAD_BYTES } from "./memory-tail.ts";
import { SimulatedDisk } from "./simulated-disk.ts";

const MIB = 1024 ** 2;
const CONFIG = { maxBytes: 256 * MIB, segmentBytes: 4 * MIB, tailBytes: 64 * 1024 };

/** Appends events one by one; returns the bytes of each as the journal counts them. */
async function appendAll(journal: Journal, sizes: readonly number[]): Promise<number[]> {
  const appends: Promise<number>[] = [];
  const bytes: number[] = [];
  for (const [at, size] of sizes.entries()) {
    const draft = draftOf(`event-${at}`, size);
    bytes.push(frameBytes(draft));
    appends.push(journal.append([draft], "written"));
    if (at % 20 === 19) await Promise.all(appends);
  }
  await Promise.all(appends);
  return bytes;
}

function sumFrom(bytes: readonly number[], position: number): number {
  return bytes.slice(position).reduce((sum, each) => sum + each, 0);
}

/** Events of very different sizes, small ones and large ones in long runs: the worst there is for an estimate. */
const uneven = [
  ...Array(2_000).fill(100),
  ...Array(100).fill(60_000),
  ...Array(2_000).fill(100),
  ...Array(50).fill(60_000),
];

test("the bytes from a position to the end are off by less than a step of the index, and by nothing at either end", async () => {
  const { journal } = await openTestJournal({ disk: new SimulatedDisk(), config: CONFIG });
  const bytes = await appendAll(journal, uneven);
  expect(journal.bytesFrom(0)).toBe(sumFrom(bytes, 0));
  expect(journal.bytesFrom(journal.end)).toBe(0);
  expect(journal.bytesFrom(journal.end + 1_000)).toBe(0);
  let before = Number.POSITIVE_INFINITY;
  for (let position = 0; position <= journal.end; position += 7) {
    const estimate = journal.bytesFrom(position);
    // A group of 20 large events can lie across the step.
    expect(Math.abs(estimate - sumFrom(bytes, position))).toBeLessThan(MIB + 20 * 60_500);
    expect(estimate).toBeLessThanOrEqual(before);
    before = estimate;
  }
  await journal.close();
});

test("of what an earlier process wrote, the bytes from a position are off by less than a segment", async () => {
  const disk = new SimulatedDisk();
  const first = await openTestJournal({ disk, config: CONFIG });
  const bytes = await appendAll(first.journal, uneven);
  await first.journal.close();
  const { journal } = await openTestJournal({ disk, config: CONFIG });
  expect(journal.bytesFrom(0)).toBe(sumFrom(bytes, 0));
  expect(journal.bytesFrom(bytes.length)).toBe(0);
  for (let position = 0; position <= bytes.length; position += 7)
    expect(Math.abs(journal.bytesFrom(position) - sumFrom(bytes, position))).toBeLessThan(CONFIG.segmentBytes);
  const more = await appendAll(journal, [100, 200]);
  expect(journal.bytesFrom(bytes.length)).toBe(sumFrom(more, 0));
  await journal.close();
});

test("in memory the bytes from a position are exact, wherever it is", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(500), { minLength: 1 }), fc.nat(100), async (sizes, released) => {
      const journal = createMemoryJournal({ slot: "0", maxBytes: MIB, first: 10 });
      await appendAll(journal, sizes);
      journal.release(10 + released);
      const bytes = sizes
        .map((size, at) => draftOf(`event-${at}`, size))
        .map((draft) => eventBytes(draft) + EVENT_OVERHEAD_BYTES);
      expect(journal.bytesFrom(0)).toBe(journal.heldBytes);
      for (let position = journal.first; position <= journal.end + 1; position++)
        expect(journal.bytesFrom(position)).toBe(sumFrom(bytes, position - 10));
    }),
    { numRuns: 50 },
  );
});
