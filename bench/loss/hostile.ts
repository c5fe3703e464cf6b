import { Agent, request } from "undici";
import { NumberedLoad } from "../kit/numbered-load.ts";
import { CONNECTIONS, KEY, Rig } from "../kit/rig.ts";
import { HOSTILE_BODIES, type HostileBody } from "./hostile-bodies.ts";
import { type LossResult, resultOf } from "./result.ts";

const GOOD_EVENTS = 10_000;
const ROUNDS = 20;

interface Kept {
  readonly name: string;
  readonly id: string;
  readonly data: string;
}

/** Hostile bodies from one client, in turn, while 64 connections send good events to the same batches. */
export async function hostileBodies(): Promise<LossResult> {
  await using rig = await Rig.open();
  await using collector = await rig.start();
  const load = new NumberedLoad({ url: collector.url, key: KEY, connections: CONNECTIONS, eventsPerRequest: 1 });
  const kept: Kept[] = [];
  let refused = 0;
  const agent = new Agent({ connections: 1, pipelining: 1 });
  for (let round = 0; round < ROUNDS; round++) {
    for (const [index, hostile] of HOSTILE_BODIES.entries()) {
      const id = `hostile-${round}-${index}`;
      await post(agent, collector.url, hostile, id);
      if (hostile.fate.kind === "kept") kept.push({ name: hostile.name, id, data: hostile.fate.data });
      else refused++;
    }
  }
  await agent.destroy();
  await load.reached(GOOD_EVENTS);
  await load.stop();
  await collector.settled();

  const kinds = HOSTILE_BODIES.filter(({ fate }) => fate.kind === "kept").length;
  const how = [
    `${kept.length} hostile events of ${kinds} kinds answered 201`,
    `${refused} bodies of ${HOSTILE_BODIES.length - kinds} kinds answered 4xx, which are to leave nothing in the sink`,
  ].join("; ");
  const good = await resultOf("hostile bodies among good ones", how, rig, load);
  const { others } = await rig.sink.counts();
  const { lost, doubled, altered } = compare(kept, others);
  return {
    ...good,
    acknowledged: good.acknowledged + kept.length,
    lost: good.lost + lost,
    doubled: good.doubled + doubled,
    altered: good.altered + altered,
  };
}

async function post(agent: Agent, url: string, { name, body, fate }: HostileBody, id: string): Promise<void> {
  const reply = await request(url, {
    method: "POST",
    dispatcher: agent,
    headers: { authorization: `Bearer ${KEY}`, "content-type": "application/json" },
    body: body(id),
  });
  const text = await reply.body.text();
  const isRefused = reply.statusCode >= 400 && reply.statusCode < 500;
  if (fate.kind === "kept" ? reply.statusCode !== 201 : !isRefused)
    throw new Error(`${name}: answered ${reply.statusCode}, but is to be ${fate.kind}: ${text.slice(0, 500)}`);
}

/** What is stored and was not sent to be kept is an event altered beyond recognition, or one that had been refused. */
function compare(kept: readonly Kept[], stored: readonly string[]): Pick<LossResult, "lost" | "doubled" | "altered"> {
  const texts = new Map<string, string[]>();
  for (const text of stored) {
    const id = /"id":"(hostile-\d+-\d+)"/.exec(text)?.[1] ?? text;
    texts.set(id, [...(texts.get(id) ?? []), text]);
  }
  let [lost, doubled, altered] = [0, 0, 0];
  for (const { id, data } of kept) {
    const copies = texts.get(id) ?? [];
    texts.delete(id);
    if (copies.length === 0) lost++;
    doubled += Math.max(0, copies.length - 1);
    altered += copies.filter((copy) => !copy.includes(`"data":${data}`)).length;
  }
  return { lost, doubled, altered: altered + [...texts.values()].flat().length };
}
