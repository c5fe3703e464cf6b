import { randomUUID } from "node:crypto";
import { Agent, type Dispatcher, request } from "undici";

/** What a sender was told. An id is acknowledged only when the whole answer with a 2xx arrived. */
export interface SendReport {
  readonly acknowledged: Set<string>;
  /** Requests that were answered otherwise, by status. */
  readonly refused: Map<number, number>;
  /** Requests that got no answer. */
  unanswered: number;
}

export interface SendOptions {
  readonly url: string;
  readonly key: string;
  readonly events: number;
  readonly eventsPerRequest: number;
  readonly connections: number;
  readonly query?: string;
  /** Makes each event this many bytes larger. Default: 0. */
  readonly paddingBytes?: number;
  /** Stops early, without failing. */
  readonly signal?: AbortSignal;
}

/** Posts events with fresh ids over keep-alive connections, each as fast as it is answered, and keeps its own record. */
export async function sendEvents(options: SendOptions): Promise<SendReport> {
  const report: SendReport = { acknowledged: new Set(), refused: new Map(), unanswered: 0 };
  const agent = new Agent({ connections: options.connections, pipelining: 1 });
  let left = options.events;
  const send = async (): Promise<void> => {
    while (left > 0 && options.signal?.aborted !== true) {
      const count = Math.min(options.eventsPerRequest, left);
      left -= count;
      await sendOne(options, agent, count, report);
    }
  };
  await Promise.all(Array.from({ length: options.connections }, send));
  await agent.destroy();
  return report;
}

async function sendOne(options: SendOptions, agent: Dispatcher, count: number, report: SendReport): Promise<void> {
  const ids = Array.from({ length: count }, () => randomUUID());
  const padding = options.paddingBytes === undefined ? {} : { padding: "x".repeat(options.paddingBytes) };
  const events = ids.map((id, index) => ({
    id,
    type: "test.sent",
    data: { index, text: "zażółć gęślą jaźń", ...padding },
  }));
  try {
    const reply = await request(`${options.url}${options.query ?? ""}`, {
      method: "POST",
      dispatcher: agent,
      headers: { authorization: `Bearer ${options.key}`, "content-type": "application/json" },
      body: JSON.stringify(count === 1 ? events[0] : events),
    });
    await reply.body.dump();
    if (reply.statusCode >= 200 && reply.statusCode < 300) for (const id of ids) report.acknowledged.add(id);
    else report.refused.set(reply.statusCode, (report.refused.get(reply.statusCode) ?? 0) + 1);
  } catch {
    report.unanswered++;
    // A collector that was killed refuses connections at once; do not spin while it is away.
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
