import type { ClientSettings } from "./client-options.ts";
import type { QueuedEvent } from "./event-queue.ts";
import { type Answer, type Outcome, readAnswer } from "./read-answer.ts";
import { retryAfterMs } from "./retry-delay.ts";

export interface Posted {
  readonly outcome: Outcome;
  /** Of the answer, if there was one. */
  readonly status?: number;
  /** How long the answer asks to wait; 0: it does not. */
  readonly retryAfterMs: number;
}

/**
 * Sends events in one request and reads the answer. Rejects when there is none.
 *
 * @param lost what the collector is told to be lost, as the value of its parameter; empty: nothing
 */
export async function postBatch(
  settings: ClientSettings,
  events: readonly QueuedEvent[],
  lost: string,
  compress: boolean,
  signal: AbortSignal,
): Promise<Posted> {
  const send = settings.fetch ?? globalThis.fetch;
  const headers: Record<string, string> = {
    authorization: `Bearer ${settings.key}`,
    "content-type": "application/json",
  };
  const json = `[${events.map((event) => event.json).join(",")}]`;
  const isLarge = events.reduce((sum, event) => sum + event.bytes, 0) >= settings.gzipFromBytes;
  const zipped = compress && isLarge ? await gzip(json) : undefined;
  if (zipped !== undefined) headers["content-encoding"] = "gzip";
  const response = await send(urlWith(settings.endpoint, lost), {
    method: "POST",
    headers,
    body: zipped ?? json,
    // A redirect would be followed with GET, and look like success.
    redirect: "manual",
    signal,
  });
  const answer: Answer = { status: response.status, body: await response.text() };
  return {
    outcome: readAnswer(answer, events.length),
    status: answer.status,
    retryAfterMs: retryAfterMs(response.headers.get("retry-after"), Date.now()),
  };
}

/** `undefined` where the runtime cannot. */
async function gzip(text: string): Promise<ArrayBuffer | undefined> {
  if (typeof CompressionStream === "undefined") return undefined;
  const stream = new Response(text).body?.pipeThrough(new CompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}

/** The names and numbers of losses need no percent-encoding. */
function urlWith(endpoint: URL, lost: string): string {
  if (lost === "") return endpoint.href;
  return `${endpoint.href}${endpoint.search === "" ? "?" : "&"}dropped=${lost}`;
}
