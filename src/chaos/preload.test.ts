import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CONTROL_VARIABLE, DIRECTORY_VARIABLE, type Injected } from "./injection.ts";

let dir = "";
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "millrace-preload-"));
});
afterAll(() => rmSync(dir, { recursive: true }));

/** Writes and syncs a file in every way that the journal and the file sink do, and tells how it went. */
const PROBE = `
import fs from "node:fs";
import { open } from "node:fs/promises";
const told = { now: Date.now(), made: new Date().getTime(), isDate: new Date() instanceof Date };
const attempt = async (name, work) => { told[name] = await Promise.resolve().then(work).catch((error) => error.code); };
const bytes = Buffer.alloc(100);
await attempt("open", () => { fs.closeSync(fs.openSync(process.env.PROBE_DIR + "/new", "w+")); return "ok"; });
const fd = fs.openSync(process.env.PROBE_DIR + "/a", "a");
await attempt("writeSync", () => fs.writeSync(fd, bytes, 0, 100, 0));
await attempt("fdatasync", () => new Promise((resolve, reject) => fs.fdatasync(fd, (error) => error ? reject(error) : resolve("ok"))));
const handle = await open(process.env.PROBE_DIR + "/b", "a");
await attempt("write", async () => (await handle.write(bytes, 0, 100, 0)).bytesWritten);
await attempt("datasync", async () => { await handle.datasync(); return "ok"; });
await attempt("sync", async () => { await handle.sync(); return "ok"; });
console.log(JSON.stringify(told));
`;

interface Told {
  readonly now: number;
  readonly made: number;
  readonly isDate: boolean;
  readonly open: string;
  readonly writeSync: number | string;
  readonly fdatasync: string;
  readonly write: number | string;
  readonly datasync: string;
  readonly sync: string;
}

function probe(injected: Partial<Injected> | undefined, where = dir): Told {
  const control = join(dir, "control.json");
  rmSync(control, { force: true });
  if (injected !== undefined) writeFileSync(control, JSON.stringify({ clockShiftMs: 0, disk: {}, ...injected }));
  const preload = new URL("./preload.ts", import.meta.url).href;
  const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", PROBE], {
    env: {
      ...process.env,
      NODE_OPTIONS: `--import ${preload}`,
      [CONTROL_VARIABLE]: control,
      [DIRECTORY_VARIABLE]: dir,
      PROBE_DIR: where,
    },
    encoding: "utf8",
  });
  expect(stderr).toBe("");
  return JSON.parse(stdout) as Told;
}

const WELL = { open: "ok", writeSync: 100, fdatasync: "ok", write: 100, datasync: "ok", sync: "ok", isDate: true };

test("without a control file, or with nothing in it, all works", () => {
  expect(probe(undefined)).toMatchObject(WELL);
  expect(probe({})).toMatchObject(WELL);
});

test("the wall clock is off by what the control file says", () => {
  const { now, made, isDate } = probe({ clockShiftMs: -7_200_000 });
  expect(Math.abs(now - Date.now() + 7_200_000)).toBeLessThan(60_000);
  expect(Math.abs(made - now)).toBeLessThan(1_000);
  expect(isDate).toBe(true);
});

test("writes fail, and opening new files", () => {
  const failed = { open: "ENOSPC", writeSync: "ENOSPC", write: "ENOSPC" };
  expect(probe({ disk: { write: { code: "ENOSPC", share: 1 } } })).toMatchObject({ ...WELL, ...failed });
});

test("writes take a part", () => {
  const { writeSync, write } = probe({ disk: { shortWriteShare: 1 } });
  for (const written of [writeSync, write]) {
    expect(written).toBeGreaterThan(0);
    expect(written).toBeLessThan(100);
  }
});

test("syncs fail", () => {
  const failed = { fdatasync: "EIO", datasync: "EIO", sync: "EIO" };
  expect(probe({ disk: { failedSyncShare: 1 } })).toMatchObject({ ...WELL, ...failed });
});

test("files elsewhere are left alone", () => {
  const elsewhere = mkdtempSync(join(tmpdir(), "millrace-preload-"));
  try {
    expect(probe({ disk: { write: { code: "EIO", share: 1 }, failedSyncShare: 1 } }, elsewhere)).toMatchObject(WELL);
  } finally {
    rmSync(elsewhere, { recursive: true });
  }
});
