import { gzipSync } from "node:zlib";
import { requestBytes } from "../src/bench/request-bytes.ts";
import { sampleEvent } from "./sample-event.ts";

/** What requests hold. */
export interface Shape {
  readonly eventsPerRequest: number;
  /** `json`: an event, or an array. `ndjson+gzip`: an event a line, compressed. */
  readonly body: "json" | "ndjson+gzip";
}

/** How many different requests are sent in turn; enough that nothing can be remembered between them. */
const DIFFERENT = 64;

/** As clients leave it. */
const GZIP_LEVEL = 6;

/** Requests made beforehand, so that making them takes nothing from what is measured, and sent in turn. */
export function requestsInTurn(url: URL, { eventsPerRequest, body }: Shape): () => Buffer {
  const form = { url, key: "wk_bench" };
  const requests = Array.from({ length: DIFFERENT }, (_, request) => {
    const events = Array.from({ length: eventsPerRequest }, (_each, at) =>
      sampleEvent(request * eventsPerRequest + at),
    );
    if (body === "json") {
      const text = eventsPerRequest === 1 ? (events[0] ?? "") : `[${events.join(",")}]`;
      return requestBytes({ ...form, contentType: "application/json" }, text);
    }
    return requestBytes(
      { ...form, contentType: "application/x-ndjson", contentEncoding: "gzip" },
      gzipSync(`${events.join("\n")}\n`, { level: GZIP_LEVEL }),
    );
  });
  let next = 0;
  return () => {
    const request = requests[next++ % DIFFERENT];
    if (request === undefined) throw new Error("there are no requests");
    return request;
  };
}
