import { setTimeout as delay } from "node:timers/promises";
import { descendantsOf } from "../../test/kit/process-tree.ts";
import { MemoryWatch, residentBytes } from "../kit/memory-watch.ts";
import { type Attack, type AttackReport, sumOfMetric, type Target } from "./attack.ts";
import type { HonestClient, HonestFigures } from "./honest-client.ts";

/** The honest client's p99 may grow this much under attack: attacker, collector and client share the machine's cores. */
const MAX_P99_GROWTH = 20;

/** A small p99 may grow to this in any case; and to this where the cores are kept busy. */
const ALLOWED_P99_MS = 150;
const ALLOWED_SATURATED_P99_MS = 1_500;

/** Of all processes of the collector together. http.maxPendingBytes alone allows each worker 256 MiB. */
const MAX_PEAK_GROWTH_BYTES = 1024 * 1024 ** 2;

/** What may remain after an attack: V8 gives memory back late. */
const MAX_LEFT_BYTES = 200 * 1024 ** 2;

/** How long memory may take to come back. */
const RECOVERY_MS = 30_000;

/** Of the honest client's requests under way. */
const MAX_PENDING_BYTES = 64 * 1024;

/** How long the honest client may take to be served as before. */
const CALM_MS = 15_000;
const CALM_CHECK_MS = 1_000;

export interface AttackResult extends AttackReport {
  readonly attack: string;
  readonly beforeBytes: number;
  readonly peakBytes: number;
  readonly afterBytes: number;
  readonly honest: HonestFigures;
}

/** Attacks while the honest client goes on, and holds both to what is promised. */
export async function runAttack(
  attack: Attack,
  target: Target,
  honest: HonestClient,
  baseline: HonestFigures,
): Promise<AttackResult> {
  const { collector } = target;
  const beforeBytes = treeBytes(collector.pid);
  await honest.take();
  using memory = new MemoryWatch();
  memory.add(collector.pid);
  const report = await attack.run(target);
  const figures = await honest.take();
  const peakBytes = Math.max(memory.peaks.treeBytes, beforeBytes);
  const faults = [...report.faults, ...honestFaults(figures, allowedP99Ms(baseline, attack.saturates))];
  if (!(await isCalm(honest, baseline))) faults.push(`the honest client was not served as before after ${CALM_MS} ms`);
  const pendingBytes = await sumOfMetric(collector.adminPort, "millrace_ingest_pending_bytes");
  if (pendingBytes > MAX_PENDING_BYTES)
    faults.push(`${pendingBytes} bytes of bodies are held that nobody sends any more`);
  const afterBytes = await settledBytes(collector.pid, beforeBytes + MAX_LEFT_BYTES);
  if (peakBytes > beforeBytes + MAX_PEAK_GROWTH_BYTES) faults.push(`memory grew to ${megabytes(peakBytes)} MB`);
  if (afterBytes > beforeBytes + MAX_LEFT_BYTES) faults.push(`memory stayed at ${megabytes(afterBytes)} MB`);
  for (const { slot, restarts } of await collector.workers()) {
    if (restarts > 0) faults.push(`worker ${slot} was restarted ${restarts} times`);
  }
  return { attack: attack.name, ...report, faults, beforeBytes, peakBytes, afterBytes, honest: figures };
}

function honestFaults(figures: HonestFigures, boundMs: number): string[] {
  const faults: string[] = [];
  const words = figures.words.join("; ");
  if (figures.failed > 0) faults.push(`${figures.failed} honest requests failed: ${words}`);
  if (figures.newcomersFailed > 0) faults.push(`${figures.newcomersFailed} honest newcomers failed: ${words}`);
  if (figures.p99Ms > boundMs)
    faults.push(`the honest p99 was ${figures.p99Ms.toFixed(0)} ms, over ${boundMs.toFixed(0)}`);
  if (figures.requests === 0) faults.push("the honest client sent nothing");
  return faults;
}

function allowedP99Ms(baseline: HonestFigures, saturated = false): number {
  return Math.max(saturated ? ALLOWED_SATURATED_P99_MS : ALLOWED_P99_MS, MAX_P99_GROWTH * baseline.p99Ms);
}

/** Waits until the honest client is served within the bound again. */
async function isCalm(honest: HonestClient, baseline: HonestFigures): Promise<boolean> {
  const endMs = performance.now() + CALM_MS;
  await honest.take();
  do {
    await delay(CALM_CHECK_MS);
    const { answers, failed, p99Ms } = await honest.take();
    if (answers > 0 && failed === 0 && p99Ms <= allowedP99Ms(baseline)) return true;
  } while (performance.now() < endMs);
  return false;
}

/** Of a collector with all its workers. */
function treeBytes(pid: number): number {
  return [pid, ...descendantsOf(pid)].reduce((sum, each) => sum + residentBytes(each), 0);
}

async function settledBytes(pid: number, wantedBytes: number): Promise<number> {
  const endMs = performance.now() + RECOVERY_MS;
  while (treeBytes(pid) > wantedBytes && performance.now() < endMs) await delay(500);
  return treeBytes(pid);
}

export function megabytes(bytes: number): number {
  return Math.round(bytes / 1e6);
}
