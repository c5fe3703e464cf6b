import type { ReplyHeaders } from "./whole-reply.ts";

/** The pause that a reply's `Retry-After` asks for, in milliseconds: it has seconds, or a date (RFC 9110, 10.2.3). */
export function retryAfterMs(headers: ReplyHeaders, nowMs: number): number | undefined {
  const text = headers["retry-after"];
  if (typeof text !== "string") return undefined;
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  // Date.parse takes `-1` and `5` for years too.
  const dateMs = text.endsWith("GMT") ? Date.parse(text) : Number.NaN;
  return Number.isNaN(dateMs) ? undefined : Math.max(0, dateMs - nowMs);
}
