// The honest client, in a process of its own, so that the attacks take nothing from its event
// loop: 500 events a second over 16 kept connections, and 5 times a second a new connection.
import { Agent, request } from "undici";
import { setTimeout as delay } from "node:timers/promises";
import { NumberedLoad } from "../kit/numbered-load.ts";
import type { HonestFigures } from "./honest-client.ts";

const NEWCOMER_EVERY_MS = 200;
const NEWCOMER_TIMEOUT_MS = 10_000;

const [url = "", key = ""] = process.argv.slice(2);
const load = new NumberedLoad({ url, key, connections: 16, eventsPerRequest: 1, eventsPerSecond: 500 });
const newcomers = { requests: 0, failures: [] as string[], slowestMs: 0 };
let seen = { requests: 0, failures: 0, refused: 0, unanswered: 0 };

process.on("message", () => process.send?.(take()));
process.on("disconnect", () => process.exit());
process.send?.("ready");
for (;;) {
  void comeAnew();
  await delay(NEWCOMER_EVERY_MS);
}

/** What happened since this was asked last. */
function take(): HonestFigures {
  const refused = [...load.refused.values()].reduce((sum, count) => sum + count, 0);
  const figures = {
    ...load.takeLatencies(),
    requests: load.requests - seen.requests,
    failed: refused - seen.refused + load.unanswered - seen.unanswered,
    newcomers: newcomers.requests,
    newcomersFailed: newcomers.failures.length,
    newcomersMaxMs: newcomers.slowestMs,
    words: [...load.failures.slice(seen.failures).map(({ what }) => what), ...newcomers.failures].slice(0, 5),
  };
  seen = { requests: load.requests, failures: load.failures.length, refused, unanswered: load.unanswered };
  Object.assign(newcomers, { requests: 0, failures: [], slowestMs: 0 });
  return figures;
}

async function comeAnew(): Promise<void> {
  const agent = new Agent({ connections: 1, pipelining: 1, connect: { timeout: NEWCOMER_TIMEOUT_MS } });
  const startedMs = performance.now();
  newcomers.requests++;
  try {
    const reply = await request(url, {
      method: "POST",
      dispatcher: agent,
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      headersTimeout: NEWCOMER_TIMEOUT_MS,
      body: '{"type":"honest.came","data":{"new":true}}',
    });
    await reply.body.dump();
    if (reply.statusCode !== 201) newcomers.failures.push(`newcomer: ${reply.statusCode}`);
  } catch (error) {
    newcomers.failures.push(`newcomer: ${error instanceof Error ? error.message : String(error)}`);
  }
  newcomers.slowestMs = Math.max(newcomers.slowestMs, performance.now() - startedMs);
  await agent.destroy();
}
