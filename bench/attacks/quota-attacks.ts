import { request as httpRequest, Agent } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { type Attack, type AttackReport, Counts, shown, type Target } from "./attack.ts";

/** The source with a quota in all, and the one with a quota for each client address. */
export const LIMITED = { name: "limited", key: "wk_limited", eventsPerSecond: 1_000, burst: 2_000 } as const;
export const PER_CLIENT = { name: "perclient", key: "wk_perclient", eventsPerSecond: 100, burst: 200 } as const;

const EVENT = '{"type":"attack.sent"}';

/** Addresses of the loopback network, of which Linux lets a client use any. */
const GREEDY = "127.1.0.1";
const MODEST = "127.1.0.2";

/** Attackers with a good key and no measure. */
export const QUOTA_ATTACKS: readonly Attack[] = [
  { name: "a source far over its quota", run: overSourceQuota },
  { name: "a client address far over its quota", run: overClientQuota },
  { name: "20,000 client addresses", run: manyAddresses },
];

interface Answer {
  readonly status: number;
  readonly retryAfter: number | undefined;
  readonly code: string;
}

async function overSourceQuota(target: Target): Promise<AttackReport> {
  const answers = new Counts();
  const waits = new Counts();
  const startedMs = performance.now();
  await hammer(target, LIMITED.key, 32, "127.1.0.3", (answer) => {
    answers.add(`${answer.status} ${answer.code}`.trim());
    if (answer.retryAfter !== undefined) waits.add(answer.retryAfter);
  });
  const seconds = (performance.now() - startedMs) / 1000;
  const faults = beyond(answers.of(201), LIMITED.burst + LIMITED.eventsPerSecond * seconds);
  if (answers.of("429 quota_exceeded") === 0) faults.push("the quota was never used up");
  if (waits.of(1) === 0 || waits.of(2) === 0 || waits.of(3) === 0)
    faults.push(`Retry-After is not spread: ${waits.text}`);
  return { sent: "32 connections", answered: `${answers.text}; Retry-After ${waits.text}`, faults };
}

async function overClientQuota(target: Target): Promise<AttackReport> {
  const greedy = new Counts();
  const modest = new Counts();
  const workers = await target.collector.workers();
  const startedMs = performance.now();
  const modestly = async (): Promise<void> => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    while (performance.now() < startedMs + target.seconds * 1000) {
      modest.add((await send(agent, target, PER_CLIENT.key, MODEST)).status);
      await delay(50);
    }
    agent.destroy();
  };
  await Promise.all([
    hammer(target, PER_CLIENT.key, 32, GREEDY, (answer) => greedy.add(`${answer.status} ${answer.code}`.trim())),
    modestly(),
  ]);
  const seconds = (performance.now() - startedMs) / 1000;
  // Each worker has its own count of a client that has connections to several.
  const allowed = workers.length * (PER_CLIENT.burst + PER_CLIENT.eventsPerSecond * seconds);
  const faults = beyond(greedy.of(201), allowed);
  if (greedy.of("429 client_quota_exceeded") === 0) faults.push("the client's quota was never used up");
  if (modest.of(429) > 0) faults.push(`another client of the source had to wait: ${modest.text}`);
  return { sent: "32 connections of one address", answered: `${greedy.text}; another address: ${modest.text}`, faults };
}

/** Each sends one event, after one address has used up its quota: nobody is limited for another, and nobody is let off. */
async function manyAddresses(target: Target): Promise<AttackReport> {
  const answers = new Counts();
  const agent = new Agent({ keepAlive: false });
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < 20_000) {
      const index = next++;
      const address = `127.${2 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}`;
      answers.add((await send(agent, target, PER_CLIENT.key, address)).status);
    }
  };
  await Promise.all(Array.from({ length: 32 }, lane));
  agent.destroy();
  const refused = 20_000 - answers.of(201);
  return {
    sent: "20,000 events, each of another address",
    answered: answers.text,
    faults: refused > 0 ? [`${refused} were not answered 201`] : [],
  };
}

function beyond(accepted: number, allowed: number): string[] {
  // One request of each connection may be under way when the quota is used up.
  return accepted > allowed + 64 ? [`${shown(accepted)} accepted, and only ${shown(Math.round(allowed))} allowed`] : [];
}

async function hammer(
  target: Target,
  key: string,
  connections: number,
  localAddress: string,
  onAnswer: (answer: Answer) => void,
): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const endMs = performance.now() + target.seconds * 1000;
  const lane = async (): Promise<void> => {
    while (performance.now() < endMs) onAnswer(await send(agent, target, key, localAddress));
  };
  await Promise.all(Array.from({ length: connections }, lane));
  agent.destroy();
}

function send(agent: Agent, { port }: Target, key: string, localAddress: string): Promise<Answer> {
  return new Promise((resolve) => {
    const failed = (): void => resolve({ status: 0, retryAfter: undefined, code: "no answer" });
    const path = `/v1/events?key=${key}`;
    const headers = { "content-type": "application/json", "content-length": EVENT.length };
    const outgoing = httpRequest({ agent, host: "127.0.0.1", port, localAddress, method: "POST", path, headers });
    outgoing.on("error", failed);
    outgoing.on("response", (reply) => {
      let text = "";
      reply.on("data", (chunk: Buffer) => (text += chunk.toString()));
      reply.on("error", failed);
      reply.on("end", () => {
        const wait = reply.headers["retry-after"];
        resolve({
          status: reply.statusCode ?? 0,
          retryAfter: wait === undefined ? undefined : Number(wait),
          code: /"code":"(\w+)"/.exec(text)?.[1] ?? "",
        });
      });
    });
    outgoing.end(EVENT);
  });
}
