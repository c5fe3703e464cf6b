import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Ledger } from "../core/ledger.ts";
import { CheckpointFile } from "../journal/checkpoint-file.ts";
import { silent, temporaryDirectory } from "../journal/journal-fixture.ts";
import { SlotLedgers } from "./slot-ledgers.ts";

test("what is saved of a slot counts when it is newer than what its worker told last, and not otherwise", async () => {
  using directory = temporaryDirectory();
  const config = { dir: directory.path };
  await mkdir(join(directory.path, "0"));
  const file = new CheckpointFile({ config, slot: "0", log: silent });
  const at = (countedTo: number, quarantined: number) => ({
    ...new Ledger().checkpoint(),
    countedTo,
    quarantined: { web: quarantined },
  });
  const ledgers = new SlotLedgers(config, silent);
  ledgers.tell("0", at(266, 0));
  await file.save(at(291, 0));
  await Promise.all([ledgers.refresh("0"), ledgers.refresh("0")]);
  expect(ledgers.of("0")?.countedTo).toBe(291);
  await file.save(at(291, 3));
  await ledgers.refresh("0");
  expect(ledgers.summary(["0"])).toMatchObject({ complete: false, missing: ["0"], quarantined: { web: 3 } });
  await file.save({ ...at(291, 3), filtered: { web: { bot: 1 } } });
  await ledgers.refresh("0");
  expect(ledgers.summary([])).toMatchObject({ filtered: { web: { bot: 1 } }, clientDropped: {} });
  ledgers.tell("0", at(300, 3));
  await ledgers.refresh("0");
  expect(ledgers.of("0")?.countedTo).toBe(300);
});

test("the ledger of a slot is read without touching its files, whichever of them are damaged or being written", async () => {
  using directory = temporaryDirectory();
  const config = { dir: directory.path };
  const slot = join(directory.path, "0");
  await mkdir(slot);
  const file = new CheckpointFile({ config, slot: "0", log: silent });
  for (const countedTo of [10, 20]) await file.save({ ...new Ledger().checkpoint(), countedTo });
  const sound = await readFile(join(slot, "checkpoint.json"), "utf8");
  await writeFile(join(slot, "checkpoint.json"), sound.slice(0, 30));
  await writeFile(join(slot, "checkpoint.new.json"), "");
  const names = await readdir(slot);
  const ledgers = new SlotLedgers(config, silent);
  await ledgers.load("0");
  expect(ledgers.of("0")?.countedTo).toBe(10);

  await writeFile(join(slot, "checkpoint.new.json"), sound);
  await ledgers.load("0");
  expect(ledgers.of("0")?.countedTo).toBe(20);
  expect(await readdir(slot)).toEqual(names);
});
