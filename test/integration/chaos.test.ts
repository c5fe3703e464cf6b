import { fork, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import path from "node:path";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import { Injection } from "../../src/chaos/injection.ts";
import type { StormReport } from "../../src/chaos/report.ts";
import { temporaryDir } from "../kit/collector-process.ts";
import { waitFor } from "../kit/wait-for.ts";

const main = path.join(import.meta.dirname, "../../src/main.ts");

/** Runs `millrace chaos` with the words as its arguments, and resolves with its exit code and what it printed. */
async function chaos(words: string): Promise<{ code: number | null; output: string; errors: string }> {
  const child = spawn(process.execPath, [main, "chaos", ...words.split(" ")], { stdio: ["ignore", "pipe", "pipe"] });
  const [output, errors, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "exit") as Promise<[number | null]>,
  ]);
  return { code, output, errors };
}

test("a short storm of kills, restarts and broken disks, clocks, sinks and clients loses nothing acknowledged", async () => {
  await using dir = await temporaryDir();
  const keep = path.join(dir.path, "storm");
  const { code, output } = await chaos(`--minutes 0.4 --seed 163 --rate 300 --json --keep ${keep}`);
  const report = JSON.parse(output) as StormReport;
  expect({ code, violations: report.violations }).toEqual({ code: 0, violations: {} });
  expect(report.passed).toBe(true);
  expect(Object.keys(report.faults.kinds).length).toBeGreaterThan(5);
  const { received, accepted, durable, delivered } = report.events.acknowledged;
  expect(Math.min(received, accepted, durable, delivered)).toBeGreaterThan(0);
  expect(report.ledger).toEqual({ agrees: true, accepted: report.events.stored["stream"] });
  console.log(
    `${Object.keys(report.faults.kinds).join(", ")}: ${report.events.sent} events sent; duplicates ${JSON.stringify(report.duplicates)}`,
  );
}, 180_000);

test("a sink that says it has events and has not is found out: exit code 1", async () => {
  await using dir = await temporaryDir();
  const keep = path.join(dir.path, "storm");
  const { code, output } = await chaos(`--minutes 0.15 --rate 300 --only sink-lies --json --keep ${keep}`);
  const report = JSON.parse(output) as StormReport;
  expect(code).toBe(1);
  expect(report.violations.lost?.events).toBeGreaterThan(0);
  expect(report.violations.ledger_disagrees?.examples).toContainEqual(expect.stringContaining("delivered to stream"));
}, 120_000);

test.each([
  ["its terminal goes away", "SIGHUP", ""],
  ["a promise is rejected that nobody waits for", "SIGUSR2", "planted"],
] as const)(
  "when %s, a storm leaves no process and no disk behind: exit code 1",
  async (_, signal, told) => {
    await using dir = await temporaryDir();
    const keep = path.join(dir.path, "storm");
    const log = path.join(keep, "collector.log");
    const plant = `data:text/javascript,process.on("SIGUSR2", () => void Promise.reject(new Error("planted")))`;
    const args = ["--import", plant, main, "chaos", "--minutes", "5", "--rate", "50", "--keep", keep];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "pipe"] });
    using started = new DisposableStack();
    started.defer(() => child.kill("SIGKILL"));
    const errors = text(child.stderr);
    await waitFor(async () => existsSync(log) && (await readFile(log, "utf8")).includes("Millrace is ready"));
    child.kill(signal);
    expect(await once(child, "exit")).toEqual([1, null]);
    expect(await errors).toContain(told);
    const config = JSON.parse(await readFile(path.join(keep, "millrace.json"), "utf8")) as { admin: { port: number } };
    await expect(fetch(`http://127.0.0.1:${config.admin.port}/livez`)).rejects.toThrow("fetch failed");
    if (process.platform === "linux") expect(await readFile("/proc/mounts", "utf8")).not.toContain(keep);
  },
  120_000,
);

test("a broken disk reaches every write and every sync of the journal", async () => {
  await using dir = await temporaryDir();
  const slot = path.join(dir.path, "slot");
  await mkdir(slot);
  const injection = await Injection.create(dir.path, dir.path);
  const probe = fork(new URL("../kit/disk-probe.ts", import.meta.url), [slot], {
    env: { ...process.env, ...injection.environment },
  });
  using started = new DisposableStack();
  started.defer(() => probe.disconnect());
  const tryDisk = async (): Promise<unknown> => {
    probe.send("try");
    return ((await once(probe, "message")) as [unknown])[0];
  };
  const works = { create: "ok", write: "ok", sync: "ok", truncate: "ok", syncDirectory: "ok" };
  expect(await tryDisk()).toEqual(works);
  await injection.set({ disk: { write: { code: "ENOSPC", share: 1 } } });
  expect(await tryDisk()).toEqual({ ...works, create: "ENOSPC", write: "ENOSPC" });
  await injection.set({ disk: { failedSyncShare: 1 } });
  expect(await tryDisk()).toEqual({ ...works, sync: "EIO", truncate: "EIO", syncDirectory: "EIO" });
});

test("the plan of a storm follows from its seed", async () => {
  const args = "--minutes 1 --seed 9 --plan";
  const [first, second] = await Promise.all([chaos(args), chaos(args)]);
  expect(first.output).toBe(second.output);
  expect(first.output).toMatch(
    /^Storm of 60\.0 s with seed 9, the first 9\.0 s calm: \d+ faults\n {2}1 +\d+\.\d s +[a-z-]+ +/,
  );
});

test.each([
  ["--only sink-dwn", "did you mean sink-down?"],
  ["--minutes 0", "It must be a number from 0.1 to 1440."],
  ["--workers 1.5", "It must be a whole number from 1 to 48."],
  ["--workers 49", "It must be a whole number from 1 to 48."],
  ["--config missing.yaml", "missing.yaml"],
])("%j is refused with what to do", async (words, message) => {
  const { code, errors } = await chaos(words);
  expect(code).toBeGreaterThan(1);
  expect(errors).toContain(message);
});
