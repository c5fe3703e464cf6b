import { timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";

const REPLAY_HEADER = "millrace-replay";

/**
 * Whether a request brings events of the quarantine back: it shows the token of this collector's journal.
 * It comes from the operator's machine and program, which are not what the events were sent by.
 */
export function isReplay(headers: IncomingHttpHeaders, token: string | undefined): boolean {
  const shown = headers[REPLAY_HEADER];
  if (shown === undefined || token === undefined || typeof shown !== "string") return false;
  const [a, b] = [Buffer.from(shown), Buffer.from(token)];
  return a.length === b.length && timingSafeEqual(a, b);
}
