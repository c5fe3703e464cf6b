import { hash, randomUUID } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { pino } from "pino";
import { expect, onTestFinished, test } from "vitest";
import type { Claim } from "../core/claim-store.ts";
import { type Clock, systemClock } from "../core/clock.ts";
import { ClaimRetention } from "./claim-retention.ts";
import { FolderClaimStore } from "./folder-claim-store.ts";

const log = pino({ level: "silent" });
const RECEIVED_MS = Date.UTC(2026, 10, 27, 17, 30);

function claimOf(text: string, position = 1): Claim {
  const bytes = Buffer.from(text);
  return { position, receivedMs: RECEIVED_MS, sha256: hash("sha256", bytes), bytes, isJson: true };
}

async function openStore(clock: Clock = systemClock) {
  const dir = await mkdtemp(path.join(tmpdir(), "millrace claims é-"));
  const store = new FolderClaimStore({ dir, maxAgeMs: undefined, clock, log });
  onTestFinished(async () => {
    await store.close();
    await rm(dir, { recursive: true });
  });
  return { dir, store };
}

const untilDone = () => new AbortController().signal;

test("a claim is found at its address, by hour, position and content, with no trace of being written", async () => {
  const { dir, store } = await openStore();
  const claim = claimOf('{"n":1}');
  await store.put(claim, untilDone());
  const file = fileURLToPath(store.addressOf(claim));
  expect(path.relative(dir, file)).toBe(path.join("dt=2026-11-27", "hour=17", `1-${claim.sha256}.json`));
  expect(await readFile(file, "utf8")).toBe('{"n":1}');
  expect((await readdir(path.dirname(file))).length).toBe(1);
});

test("a claim may be stored again, also twice at a time", async () => {
  const { store } = await openStore();
  const claim = claimOf("1");
  await Promise.all([store.put(claim, untilDone()), store.put(claim, untilDone())]);
  await store.put(claim, untilDone());
  expect(await readFile(fileURLToPath(store.addressOf(claim)), "utf8")).toBe("1");
});

test("what is aborted leaves nothing behind", async () => {
  const { dir, store } = await openStore();
  await expect(store.put(claimOf("1"), AbortSignal.abort(new Error("enough")))).rejects.toThrow("enough");
  const files = (await readdir(dir, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  expect(files).toEqual([]);
});

test("a place that is no folder fails, and says so when checked", async () => {
  const { dir } = await openStore();
  await writeFile(path.join(dir, "file"), "");
  const store = new FolderClaimStore({ dir: path.join(dir, "file"), maxAgeMs: undefined, clock: systemClock, log });
  await expect(store.put(claimOf("1"), untilDone())).rejects.toThrow(/EEXIST|ENOTDIR/);
  expect(await store.check()).toEqual([expect.stringContaining("Correct oversize.dir")]);
});

test("claims that were stored long enough ago are deleted, with folders that are empty then, and nothing else", async () => {
  const { dir, store } = await openStore();
  const [old, fresh] = [claimOf("1", 1), claimOf("2", 2)];
  await store.put(old, untilDone());
  await store.put(fresh, untilDone());
  await store.put({ ...claimOf("3"), receivedMs: 0 }, untilDone());
  await writeFile(path.join(dir, "dt=1970-01-01", "notes"), "mine");
  const anHourAgo = (Date.now() - 3_600_000) / 1_000;
  for (const entry of await readdir(dir, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath, entry.name);
    if (entry.isFile() && !entry.name.startsWith("2-")) await utimes(file, anHourAgo, anHourAgo);
  }
  const retention = new ClaimRetention({ dir, maxAgeMs: 60_000, clock: systemClock, log });
  await retention.deleteOld();
  await retention.close();
  const left = await readdir(dir, { recursive: true });
  expect(left.toSorted()).toEqual([
    "dt=1970-01-01",
    path.join("dt=1970-01-01", "notes"),
    "dt=2026-11-27",
    path.join("dt=2026-11-27", "hour=17"),
    path.join("dt=2026-11-27", "hour=17", `2-${fresh.sha256}.json`),
  ]);
});

test("several workers look after one folder, and what one has deleted is no error to another", async () => {
  const { dir, store } = await openStore();
  for (let position = 0; position < 50; position++) await store.put(claimOf("1", position), untilDone());
  const later: Clock = { ...systemClock, nowMs: () => Date.now() + 120_000 };
  const errors: unknown[] = [];
  const heard = pino({ level: "error" }, { write: (line: string) => void errors.push(line) });
  const workers = Array.from(
    { length: 4 },
    () => new ClaimRetention({ dir, maxAgeMs: 60_000, clock: later, log: heard }),
  );
  await Promise.all(workers.map((retention) => retention.deleteOld()));
  await Promise.all(workers.map((retention) => retention.close()));
  expect(errors).toEqual([]);
  expect(await readdir(dir, { recursive: true })).toEqual([]);
});

test("what a crash left half written is deleted after an hour, also where claims are kept for ever", async () => {
  const { dir, store } = await openStore();
  const claim = claimOf("1");
  await store.put(claim, untilDone());
  const folder = path.join(dir, "dt=2026-11-27", "hour=17");
  const [left, current] = [`.partial-${randomUUID()}`, `.partial-${randomUUID()}`];
  for (const name of [left, current]) await writeFile(path.join(folder, name), "");
  const twoHoursAgo = Date.now() / 1_000 - 7_200;
  for (const name of [left, path.basename(fileURLToPath(store.addressOf(claim)))])
    await utimes(path.join(folder, name), twoHoursAgo, twoHoursAgo);
  const retention = new ClaimRetention({ dir, maxAgeMs: undefined, clock: systemClock, log });
  await retention.deleteOld();
  await retention.close();
  expect(await readdir(folder)).toEqual([current, `1-${claim.sha256}.json`]);
});
