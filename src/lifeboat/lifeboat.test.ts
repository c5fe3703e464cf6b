import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startFauxqs } from "fauxqs";
import { describe, expect, onTestFinished, test } from "vitest";
import { importLifeboat } from "./import-lifeboat.ts";
import { LaunchedBoats } from "./launched-boats.ts";
import { launch, withdraw } from "./lifeboat.ts";
import { type LifeboatStore, openLifeboatStore } from "./lifeboat-store.ts";
import { parseManifest } from "./manifest.ts";

const NOW_MS = Date.UTC(2026, 10, 25, 3, 4, 5, 678);
const NAME = "node-a-0-20261125T030405Z";
const FOREVER = new AbortController().signal;

async function temporaryDir(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "millrace-lifeboat-"));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

/** What a slot left behind: a segment of some size and a checkpoint. */
async function castaways(node = "node-a") {
  const dir = await temporaryDir();
  const contents = [
    ["0000000000000000.seg", Buffer.alloc(300_000, "abc")],
    ["checkpoint.json", Buffer.from('{"some":"checkpoint"}')],
  ] as const;
  const files = [];
  for (const [name, bytes] of contents) {
    const path = join(dir, name);
    await writeFile(path, bytes);
    files.push({ name, path, bytes: bytes.length });
  }
  return { node, slot: "0", held: { stream: 7, files: 0 }, files };
}

async function folderStore(): Promise<LifeboatStore> {
  return openLifeboatStore({ dir: await temporaryDir(), reserveMs: 0 });
}

async function s3Store(): Promise<LifeboatStore> {
  const server = await startFauxqs({ port: 0, host: "127.0.0.1", logger: false, init: { buckets: ["boats"] } });
  onTestFinished(() => server.stop());
  process.env["AWS_ACCESS_KEY_ID"] ??= "test";
  process.env["AWS_SECRET_ACCESS_KEY"] ??= "test";
  const endpoint = `http://127.0.0.1:${server.port}`;
  return openLifeboatStore({
    s3: { bucket: "boats", prefix: "millrace", region: "us-east-1", endpoint },
    reserveMs: 0,
  });
}

describe.each([
  ["a directory", folderStore],
  ["a bucket", s3Store],
])("in %s", (_name, openStore) => {
  test("what a lifeboat holds becomes a slot of another journal, byte for byte, once", async () => {
    const store = await openStore();
    const cargo = await castaways();
    expect(await launch(store, cargo, NOW_MS, FOREVER)).toBe(NAME);
    expect(await store.list()).toEqual([NAME]);
    const manifest = parseManifest(await store.manifest(NAME), NAME);
    expect(manifest).toMatchObject({ node: "node-a", slot: "0", held: { stream: 7 } });

    const journalDir = join(await temporaryDir(), "journal");
    // Two at once: one of them does it, and neither harms the other.
    const both = await Promise.allSettled([1, 2].map(() => importLifeboat(store, NAME, manifest, journalDir)));
    expect(both.filter((each) => each.status === "fulfilled" && each.value)).toHaveLength(1);
    expect(await readdir(journalDir)).toEqual([NAME]);
    expect((await readdir(join(journalDir, NAME))).toSorted()).toEqual(["0000000000000000.seg", "checkpoint.json"]);
    for (const { name, path } of cargo.files) {
      expect((await readFile(join(journalDir, NAME, name))).equals(await readFile(path))).toBe(true);
    }
    expect(await importLifeboat(store, NAME, manifest, journalDir)).toBe(false);
    await store.remove(NAME);
    expect(await store.list()).toEqual([]);
  });

  test("one that was cut short is not there", async () => {
    const store = await openStore();
    await expect(launch(store, await castaways(), NOW_MS, AbortSignal.abort())).rejects.toThrow(/abort/i);
    const cargo = await castaways();
    const missing = { name: "checkpoint.json", path: "/nowhere/checkpoint.json", bytes: 1 };
    await expect(launch(store, { ...cargo, files: [...cargo.files, missing] }, NOW_MS, FOREVER)).rejects.toThrow(
      "ENOENT",
    );
    expect(await store.list()).toEqual([]);
  });

  test("a damaged one is refused, and nothing of it stays in the journal", async () => {
    const store = await openStore();
    await launch(store, await castaways(), NOW_MS, FOREVER);
    const manifest = parseManifest(await store.manifest(NAME), NAME);
    const changed = manifest.files.map((file) => ({ ...file, sha256: "0".repeat(64) }));
    const journalDir = await temporaryDir();
    await expect(importLifeboat(store, NAME, { ...manifest, files: changed }, journalDir)).rejects.toMatchObject({
      code: "lifeboat_invalid",
      message: expect.stringContaining("Nothing was imported"),
    });
    expect(await readdir(journalDir)).toEqual([]);
  });

  test("a slot that is back with its journal withdraws the lifeboats filled from it, and leaves those of a journal that is gone", async () => {
    const store = await openStore();
    await launch(store, await castaways(), NOW_MS, FOREVER);
    await launch(store, await castaways(), NOW_MS + 60_000, FOREVER);
    await launch(store, await castaways("node-a-0"), NOW_MS, FOREVER);
    const later = "node-a-0-20261125T030505Z";
    expect(await withdraw(store, { node: "node-a", slot: "0", launched: [NAME] }, FOREVER)).toEqual({
      withdrawn: [NAME],
      left: [later],
    });
    expect(await store.list()).toEqual(["node-a-0-0-20261125T030405Z", later]);
  });
});

test("a manifest cannot lead out of its folder", () => {
  const sha256 = "0".repeat(64);
  const manifest = (name: string) =>
    JSON.stringify({
      version: 1,
      node: "a",
      slot: "0",
      madeAt: "2026-11-25T03:04:05Z",
      held: {},
      files: [{ name, bytes: 1, sha256 }],
    });
  expect(parseManifest(manifest("checkpoint.json"), "a").files).toHaveLength(1);
  for (const name of ["../checkpoint.json", "/etc/passwd", "a/b", ".hidden", ""]) {
    expect(() => parseManifest(manifest(name), "a")).toThrow("lifeboat a cannot be read");
  }
  expect(() => parseManifest("{", "a")).toThrow("cannot be read");
});

test("what was launched from a slot is known beside its journal, until it is withdrawn", async () => {
  const boats = new LaunchedBoats(await temporaryDir());
  expect(await boats.read()).toEqual([]);
  await boats.add("a");
  await boats.add("b");
  expect(await boats.read()).toEqual(["a", "b"]);
  await boats.clear();
  expect(await boats.read()).toEqual([]);
});

test("a lifeboat that no journal would take for a slot is refused, and stays where it is", async () => {
  const store = await folderStore();
  await launch(store, await castaways(), NOW_MS, FOREVER);
  const manifest = parseManifest(await store.manifest(NAME), NAME);
  const long = "n".repeat(129);
  await expect(importLifeboat(store, long, manifest, await temporaryDir())).rejects.toMatchObject({
    code: "lifeboat_invalid",
    message: expect.stringContaining("shorter name"),
  });
});

test("filling a lifeboat is cut short in the middle of a file, and nothing of it is left", async () => {
  const store = await folderStore();
  const cancel = new AbortController();
  const manifest = { version: 1 as const, node: "node-a", slot: "0", madeAt: "", held: {}, files: [] };
  // It never ends.
  const endless = { name: "endless", path: "/dev/zero", bytes: 1 };
  const failed = expect(store.put(NAME, [endless], manifest, cancel.signal)).rejects.toThrow(/abort/i);
  const copy = join(store.place, `.partial-${NAME}`, "endless");
  await expect.poll(() => stat(copy).then(({ size }) => size)).toBeGreaterThan(0);
  cancel.abort();
  await failed;
  expect(await readdir(store.place)).toEqual([]);
});
