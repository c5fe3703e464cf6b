import { createHash } from "node:crypto";
import type { StoredEvent } from "./event-store.ts";
import { memberBytes, withMembers } from "./top-level-members.ts";

/** Says of an event that it came in once before and was not valid. An extension attribute, so it stays with the event. */
const REPLAYED = { replayed: "quarantine" };

/**
 * A quarantined event as it is sent again: marked, with the time at which it was received first when its sender
 * gave none, and with an id when it has none, which is the same at each try, so that a repeat can be told.
 *
 * @param place where it is in the quarantine
 * @param needsId false where the source asks for ids of the senders' own
 */
export function returning(event: StoredEvent, place: string, needsId: boolean): StoredEvent {
  const members: Record<string, unknown> = { ...REPLAYED };
  if (isAbsent(event.bytes, "time")) members["time"] = new Date(event.receivedMs).toISOString();
  if (needsId && isAbsent(event.bytes, "id")) members["id"] = idFor(place);
  return { ...event, bytes: withMembers(event.bytes, members) };
}

function isAbsent(json: Buffer, name: string): boolean {
  const value = memberBytes(json, name);
  return value === undefined || value.toString() === "null";
}

/** A UUID of version 8, as RFC 9562 has it for those that are made by other rules. */
function idFor(place: string): string {
  const digits = createHash("sha256").update(`millrace quarantine ${place}`).digest("hex");
  const variant = "89ab"[Number.parseInt(digits[16] ?? "0", 16) % 4] ?? "8";
  return [
    digits.slice(0, 8),
    digits.slice(8, 12),
    `8${digits.slice(13, 16)}`,
    `${variant}${digits.slice(17, 20)}`,
    digits.slice(20, 32),
  ].join("-");
}
