import { isUtf8 } from "node:buffer";
import type { RejectedEvent } from "../core/reject-log.ts";

/** One line of a reject log: `{at, source, sink?, position?, code, reasons, event | eventText | eventBase64}`. */
export function rejectLine({ atMs, source, sink, position, code, reasons, event }: RejectedEvent): string {
  const about = JSON.stringify({ at: new Date(atMs).toISOString(), source, sink, position, code, reasons });
  return `${about.slice(0, -1)},${eventMember(event)}}\n`;
}

/** JSON stays as it was sent, number for number and key for key: nothing is parsed and printed again. */
function eventMember(event: Uint8Array): string {
  if (!isUtf8(event)) return `"eventBase64":${JSON.stringify(Buffer.from(event).toString("base64"))}`;
  const text = Buffer.from(event.buffer, event.byteOffset, event.byteLength).toString("utf8");
  // In JSON a line end is only ever white space between tokens.
  return isJson(text) ? `"event":${text.replaceAll(/[\r\n]/g, " ")}` : `"eventText":${JSON.stringify(text)}`;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Where a part of at most `maxBytes` ends that begins at `from`: after whole lines, and at least one. */
export function endOfPart(lines: Buffer, from: number, maxBytes: number): number {
  if (lines.length - from <= maxBytes) return lines.length;
  const end = lines.lastIndexOf("\n", from + maxBytes - 1) + 1;
  return end > from ? end : lines.indexOf("\n", from) + 1;
}
