import { NumberedLoad } from "../kit/numbered-load.ts";
import { CONNECTIONS, KEY, Rig } from "../kit/rig.ts";
import { type LossResult, resultOf } from "./result.ts";

const EVENTS = 5_000;

/** Kills all processes of the collector at the 5,000th acknowledgement, while others are on their way, and starts it again. */
export async function killUnderLoad(): Promise<LossResult> {
  await using rig = await Rig.open();
  await using collector = await rig.start();
  const load = new NumberedLoad({ url: collector.url, key: KEY, connections: CONNECTIONS, eventsPerRequest: 1 });
  await load.reached(EVENTS);
  await collector.kill();
  await load.stop();
  const storedBefore = (await rig.sink.counts()).distinct;
  await using next = await rig.start();
  await next.settled();
  const how = `${load.failures.filter(({ what }) => !what.includes("ECONNREFUSED")).length} requests cut off; ${storedBefore} events were stored before the kill`;
  return await resultOf("kill -9 under load", how, rig, load);
}

/** The drain cannot deliver anything, so it has to keep everything for the next start. */
export async function stopWhileSinkIsDown(): Promise<LossResult> {
  await using rig = await Rig.open({ more: "shutdown: { drainMs: 5000 }" });
  await using collector = await rig.start();
  await rig.sink.down();
  const load = new NumberedLoad({ url: collector.url, key: KEY, connections: CONNECTIONS, eventsPerRequest: 1 });
  await load.reached(EVENTS);
  await load.stop();
  collector.signal("SIGTERM");
  const code = await collector.exited();
  await rig.sink.up();
  await using next = await rig.start();
  await next.settled();
  const result = await resultOf("SIGTERM while the sink is down", `exit code ${code}`, rig, load);
  return code === 0 ? result : { ...result, failed: "nothing was lost, so the exit code is to be 0" };
}
