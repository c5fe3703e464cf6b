import type { ServerSessionOptions } from "node:http2";
import type { HttpConfig } from "../config.ts";

/** The least that RFC 9113, 6.5.2 recommends; node's own default is no limit. */
const MAX_STREAMS = 100;

/**
 * How much of bodies a client may send ahead of what was read, on a stream and on the connection. What comes
 * is read at once and counts against `http.maxPendingBytes`, so this costs no memory; with the 64 KiB of the
 * RFC an upload would move no more than that in a round trip.
 */
export const WINDOW_BYTES = 1024 ** 2;

/** About what a stream takes in memory with its request, measured; the body and the answer come on top. */
export const STREAM_BYTES = 10 * 1024;

/** A header of a list, however short, counts 32 bytes more than its text (RFC 9113, 6.5.2). */
const HEADER_OVERHEAD_BYTES = 32;

/**
 * What one HTTP/2 connection may do. Against floods of resets, CONTINUATION, SETTINGS and
 * PING frames nghttp2 and node have limits of their own; `http2-attacks.test.ts` holds them to it.
 */
export function sessionOptions(http: HttpConfig): ServerSessionOptions {
  return {
    settings: {
      maxConcurrentStreams: MAX_STREAMS,
      initialWindowSize: WINDOW_BYTES,
      maxHeaderListSize: http.maxHeaderBytes,
      enablePush: false,
    },
    // Node's default of 128 would refuse what HTTP/1 takes.
    maxHeaderListPairs: Math.ceil(http.maxHeaderBytes / HEADER_OVERHEAD_BYTES),
  };
}
