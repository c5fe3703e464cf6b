import { setTimeout as delay } from "node:timers/promises";
import { Agent, type Dispatcher } from "undici";
import { type HostilePayload } from "../../test/kit/hostile-payloads.ts";
import type { HostileRequest } from "../../test/kit/hostile-requests.ts";
import { exchangeRaw } from "../../test/kit/raw-exchange.ts";
import { type AttackReport, Counts, shown, type Target } from "./attack.ts";

/** About what a line of 1 Gbit/s carries: more is no question of how bodies are read. */
const BYTES_PER_SECOND = 120_000_000;

/** Sends all of `shots` again and again from some lanes at once, each at least once. */
async function volley<Shot>(
  seconds: number,
  lanes: number,
  shots: readonly Shot[],
  fire: (shot: Shot) => Promise<void>,
): Promise<number> {
  const endMs = performance.now() + seconds * 1000;
  let fired = 0;
  const lane = async (): Promise<void> => {
    while (fired < shots.length || performance.now() < endMs) {
      const shot = shots[fired++ % shots.length];
      if (shot !== undefined) await fire(shot);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return fired;
}

/** Requests as bytes, each on a connection of its own. */
export async function rawVolley(target: Target, requests: readonly HostileRequest[]): Promise<AttackReport> {
  const answers = new Counts();
  const faults = new Set<string>();
  const sent = await volley(target.seconds, 32, requests, async ({ name, bytes, answers: expected }) => {
    const { statuses } = await exchangeRaw(target.port, bytes);
    for (const status of statuses) answers.add(status);
    if (statuses.join() !== expected.join()) faults.add(`${name}: answered ${statuses.join() || "nothing"}`);
  });
  return { sent: `${requests.length} shapes, ${shown(sent)} requests`, answered: answers.text, faults: [...faults] };
}

/** Bodies, over kept connections. */
export async function payloadVolley(
  target: Target,
  key: string,
  payloads: readonly HostilePayload[],
): Promise<AttackReport> {
  const loaded = payloads.map((payload) => ({ payload, body: payload.body() }));
  const answers = new Counts();
  const faults = new Set<string>();
  const startedMs = performance.now();
  let bytes = 0;
  const agent = new Agent({ connections: 8, pipelining: 1 });
  const sent = await volley(target.seconds, 8, loaded, async ({ payload, body }) => {
    bytes += body.length;
    await delay(Math.max(0, startedMs + (bytes / BYTES_PER_SECOND) * 1000 - performance.now()));
    const { status, text } = await post(agent, target, key, body, payload.encoding);
    answers.add(status);
    const [expected, code] = payload.answer;
    if (status !== expected || (code !== undefined && !text.includes(`"code":"${code}"`)))
      faults.add(`${payload.name}: answered ${status} ${text.slice(0, 200)}`);
  });
  await agent.destroy();
  const megabytes = shown(Math.round(bytes / 1e6));
  return {
    sent: `${payloads.length} shapes, ${shown(sent)} requests, ${megabytes} MB`,
    answered: answers.text,
    faults: [...faults],
  };
}

async function post(agent: Agent, target: Target, key: string, body: Buffer, encoding: string | undefined) {
  const options: Dispatcher.RequestOptions = {
    origin: `http://127.0.0.1:${target.port}`,
    path: `/v1/events?key=${key}`,
    method: "POST",
    headers: { "content-type": "application/json", ...(encoding !== undefined && { "content-encoding": encoding }) },
    body,
  };
  try {
    const reply = await agent.request(options);
    return { status: reply.statusCode, text: await reply.body.text() };
  } catch (error) {
    return { status: "no answer", text: error instanceof Error ? error.message : String(error) };
  }
}
