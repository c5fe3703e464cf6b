import type { Readable } from "node:stream";

/**
 * Most bytes read after a refusal, and the longest time spent on it. Enough for the rest of a
 * body that is a few times too large, whose sender should read why.
 */
const MAX_BYTES = 64 * 1024 * 1024;
const MAX_MS = 2_000;

/**
 * Reads on after a refusal and throws away what comes, for a while, then calls `done`.
 *
 * A socket closed with unread bytes in it is reset, and the reset overtakes the answer:
 * a client still sending would see "connection reset" in place of the reason (RFC 9112,
 * 9.6). Clients of HTTP/2 need not send what is reset, but some take every reset for a
 * failure, and node's counts what it did not send against its connection for ever. What
 * comes meanwhile is bounded in bytes and in time.
 */
export function discardRest(request: Readable, done: () => void): void {
  let bytes = 0;
  let finished = false;
  const finish = () => {
    if (finished) return;
    finished = true;
    clearTimeout(timer);
    request.off("data", count);
    done();
  };
  const count = (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > MAX_BYTES) finish();
  };
  const timer = setTimeout(finish, MAX_MS);
  request.on("data", count);
  request.once("end", finish);
  request.once("close", finish);
  request.resume();
}
