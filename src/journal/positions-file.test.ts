import * as fc from "fast-check";
import { expect, test } from "vitest";
import { seededRandom } from "../core/seeded-random.ts";
import { draftOf, openTestJournal, readAll } from "./journal-fixture.ts";
import { POSITION_GAP } from "./positions-file.ts";
import { SimulatedDisk } from "./simulated-disk.ts";

const NOTE = "/journal/0/positions.json";

async function endOf(disk: SimulatedDisk, atLeast = 0): Promise<number> {
  const { journal } = await openTestJournal({ disk, atLeast });
  return journal.nextPosition;
}

test("after a clean end positions go on without a gap, also when nothing was written, and of a journal in memory", async () => {
  for (const durability of ["os", "disk", "memory"] as const) {
    const disk = new SimulatedDisk();
    for (const first of [0, 2, 4]) {
      const { journal } = await openTestJournal({ disk, config: { durability }, neededFrom: 100 });
      expect(journal.nextPosition).toBe(first);
      await journal.append([draftOf("a"), draftOf("b")], "written");
      await journal.close();
      const { journal: idle } = await openTestJournal({ disk, config: { durability }, neededFrom: 100 });
      await idle.close();
    }
  }
});

test("a first start begins at 0; one after an end that was not clean leaves a gap, also when the process wrote nothing", async () => {
  const disk = new SimulatedDisk();
  expect(await endOf(disk)).toBe(0);
  expect(await endOf(disk)).toBe(POSITION_GAP);
  expect(await endOf(disk, 5 * POSITION_GAP)).toBe(6 * POSITION_GAP);
});

test("positions are not used twice when the segments and the checkpoint are gone", async () => {
  const disk = new SimulatedDisk();
  const { journal } = await openTestJournal({ disk, atLeast: 700 });
  await journal.append([draftOf("a")], "written");
  await journal.close();
  for (const path of disk.files.keys()) if (path.endsWith(".seg")) disk.files.delete(path);
  expect(await endOf(disk)).toBe(701 + POSITION_GAP);
});

test("a note that is missing counts as an end that was not clean; one that cannot be read as up to a thousand", async () => {
  for (const text of [undefined, "", '{"version":1,"ne', '{"version":2,"next":1,"clean":true}']) {
    const disk = new SimulatedDisk();
    const { journal } = await openTestJournal({ disk });
    await journal.append([draftOf("a")], "written");
    await journal.close();
    if (text === undefined) disk.files.delete(NOTE);
    else disk.files.set(NOTE, { bytes: Buffer.from(text), modifiedMs: 0 });
    expect(await endOf(disk)).toBe(1 + (text === undefined ? 1 : 1_000) * POSITION_GAP);
  }
});

test("positions are not used twice when a process is killed as it writes its note and the power is cut after", async () => {
  const disk = new SimulatedDisk();
  const { journal } = await openTestJournal({ disk });
  await journal.append([draftOf("a")], "synced");
  const seen: number[] = [];
  for (let life = 0; life < 5; life++) {
    const { journal: next } = await openTestJournal({ disk });
    seen.push(await next.append([draftOf("seen, and not synced")], "written"));
  }
  disk.createSync(NOTE);
  disk.cutPower({ random: () => 0.9, names: "unordered" });
  expect(await endOf(disk)).toBeGreaterThan(Math.max(...seen));
});

test("an end at which not all could be synced is not noted as clean", async () => {
  const disk = new SimulatedDisk();
  const { journal } = await openTestJournal({ disk });
  await journal.append([draftOf("a")], "written");
  disk.failing.add("sync");
  await journal.close();
  disk.failing.clear();
  expect(await endOf(disk)).toBe(1 + POSITION_GAP);
});

test("a full disk keeps no journal from being opened, and none of its positions is used before that is noted", async () => {
  for (const isNew of [true, false]) {
    const disk = new SimulatedDisk();
    if (!isNew) await (await openTestJournal({ disk })).journal.close();
    disk.room = 0;
    const { journal } = await openTestJournal({ disk });
    await expect(journal.append([draftOf("a")], "written")).rejects.toMatchObject({ code: "journal_full" });
    disk.room = 1e9;
    await expect.poll(() => journal.isFull(1)).toBe(false);
    const position = await journal.append([draftOf("a")], "written");
    const dice = [0];
    disk.cutPower({ random: () => dice.shift() ?? 0.5, names: "unordered" });
    expect(await endOf(disk.afterKill())).toBeGreaterThan(position);
  }
});

test("a power cut right after the first start, which takes every name that was not synced, is known to have been one", async () => {
  const disk = new SimulatedDisk();
  const { journal } = await openTestJournal({ disk });
  await journal.append([draftOf("a")], "written");
  const dice = [0];
  disk.cutPower({ random: () => dice.shift() ?? 0.5, names: "unordered" });
  expect(await endOf(disk.afterKill())).toBe(POSITION_GAP);
});

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("append" as const),
      events: fc.integer({ min: 1, max: 4 }),
      synced: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: "checkpoint" as const }) },
  { weight: 2, arbitrary: fc.constant({ kind: "power cut" as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: "kill" as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: "close" as const }) },
);

test("whatever is appended, killed and without power, no position that anybody saw is ever given to another event", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 25 }), fc.integer(), async (steps, seed) => {
      const random = seededRandom(seed);
      const seen = new Map<number, string>();
      let disk = new SimulatedDisk();
      let countedTo = 0;
      let serial = 0;
      const open = async () => {
        const { journal } = await openTestJournal({ disk, atLeast: countedTo, config: { segmentBytes: 64 * 1024 } });
        journal.onAppend((events) => {
          for (const { position, id } of events) {
            expect(seen.get(position)).toBeUndefined();
            seen.set(position, id);
          }
        });
        return journal;
      };
      let journal = await open();
      for (const { kind, ...rest } of steps) {
        switch (kind) {
          case "append": {
            const { events = 1, synced = false } = rest as { events?: number; synced?: boolean };
            const drafts = Array.from({ length: events }, () => draftOf(`event-${serial++}`));
            await journal.append(drafts, synced ? "synced" : "written");
            break;
          }
          case "checkpoint":
            countedTo = journal.end;
            break;
          case "power cut":
            disk.cutPower({ random, names: random() < 0.5 ? "journaled" : "unordered" });
            disk = disk.afterKill();
            journal = await open();
            break;
          case "kill":
            disk = disk.afterKill();
            journal = await open();
            break;
          case "close":
            await journal.close();
            journal = await open();
            break;
        }
        for (const { position, id } of await readAll(journal, journal.reader(0))) expect(seen.get(position)).toBe(id);
      }
    }),
    { numRuns: 150 },
  );
});
