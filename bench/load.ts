import autocannon from "autocannon";
import { SAMPLE_EVENT_BYTES, sampleEvent } from "./sample-event.ts";

export interface LoadResult {
  readonly requests: number;
  readonly failed: number;
  readonly durationMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface Load {
  readonly connections: number;
  readonly requests: number;
  readonly eventsPerRequest: number;
}

/** How many different bodies are sent in turn; enough that nothing can be remembered between them. */
const BODIES = 64;

/** Sends requests over keep-alive connections as fast as they are answered, and counts every answer but 201 as failed. */
export async function runLoad(url: string, load: Load): Promise<LoadResult> {
  const requests = Array.from({ length: BODIES }, (_, body) => ({ body: bodyOf(body, load.eventsPerRequest) }));
  const result = await autocannon({
    url,
    method: "POST",
    headers: { authorization: "Bearer wk_bench", "content-type": "application/json" },
    connections: load.connections,
    amount: load.requests,
    requests,
  });
  return {
    requests: load.requests,
    failed: load.requests - result["2xx"],
    durationMs: result.duration * 1000,
    p50Ms: result.latency.p50,
    p99Ms: result.latency.p99,
  };
}

function bodyOf(index: number, events: number): string {
  const list = Array.from({ length: events }, (_, at) => sampleEvent(index * events + at));
  return events === 1 ? (list[0] ?? "") : `[${list.join(",")}]`;
}

export const BYTES_PER_EVENT = SAMPLE_EVENT_BYTES;
