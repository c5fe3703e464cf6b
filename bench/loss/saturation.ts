import { setTimeout as delay } from "node:timers/promises";
import { NumberedLoad } from "../kit/numbered-load.ts";
import { CONNECTIONS, KEY, Rig } from "../kit/rig.ts";
import { type LossResult, resultOf } from "./result.ts";

const LOAD_MS = 30_000;

/** Each connection sends as soon as it is answered, for 30 s; then everything is to arrive. */
export async function saturation(eventsPerRequest: 1 | 20): Promise<LossResult> {
  await using rig = await Rig.open();
  await using collector = await rig.start();
  const load = new NumberedLoad({ url: collector.url, key: KEY, connections: CONNECTIONS, eventsPerRequest });
  await delay(LOAD_MS);
  await load.stop();
  const { p50Ms, p99Ms } = load.takeLatencies();
  const held = Math.max(...(await collector.ledger()).rows.map((row) => row.held));
  const endedMs = performance.now();
  await collector.settled(300_000);
  const refused = [...load.refused].map(([status, times]) => `${times} × ${status}`).join(", ");
  const how = [
    `${Math.round((load.acknowledged.distinct * 1_000) / LOAD_MS)} events/s`,
    `acks p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms`,
    `${held} events held in the journal at the end, delivered ${Math.round(performance.now() - endedMs)} ms later`,
    refused === "" ? "none refused" : `refused: ${refused}`,
  ].join("; ");
  const test =
    eventsPerRequest === 1 ? "saturation for 30 s, 1 event a request" : "saturation for 30 s, 20 events a request";
  return await resultOf(test, how, rig, load);
}
