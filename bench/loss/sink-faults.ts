import { NumberedLoad } from "../kit/numbered-load.ts";
import { CONNECTIONS, KEY, Rig } from "../kit/rig.ts";
import { type LossResult, resultOf } from "./result.ts";

const EVENTS_PER_SECOND = 1_000;
const OUTAGE_EVENTS = 30_000;
const PARTIAL_EVENTS = 10_000;

/** Share of the records that are refused one by one, as by throttled shards. The peers' share is not on record. */
const REFUSED = 0.3;

export async function outage(): Promise<LossResult> {
  await using rig = await Rig.open();
  await using collector = await rig.start();
  await rig.sink.down();
  const load = startLoad(collector.url);
  await load.reached(OUTAGE_EVENTS);
  await load.stop();
  await rig.sink.up();
  const upMs = performance.now();
  await collector.settled(60_000);
  const how = `all delivered ${Math.round(performance.now() - upMs)} ms after the sink came back`;
  return await resultOf("sink down for 30 s", how, rig, load);
}

export async function partialFailures(): Promise<LossResult> {
  await using rig = await Rig.open();
  await using collector = await rig.start();
  await rig.sink.setFaults({ records: { ratio: REFUSED } });
  const load = startLoad(collector.url);
  await load.reached(PARTIAL_EVENTS);
  await load.stop();
  await rig.sink.setFaults({});
  await collector.settled(60_000);
  return await resultOf("10 s of partial failures", `${REFUSED * 100} % of the records refused one by one`, rig, load);
}

function startLoad(url: string): NumberedLoad {
  return new NumberedLoad({
    url,
    key: KEY,
    connections: CONNECTIONS,
    eventsPerRequest: 1,
    eventsPerSecond: EVENTS_PER_SECOND,
  });
}
