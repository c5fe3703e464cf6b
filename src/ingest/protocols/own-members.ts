import { type ScannedMember, scanMembers } from "../../core/json-scan.ts";
import { parseJson } from "./parse-json.ts";

/** Of what is around events, or of an event in which the write key is looked for: each takes many times its bytes. analytics-next sends 12. */
const MAX_OWN_MEMBERS = 1_000;

/**
 * The members of the object that a range of bytes is, by name, of equal ones the last; `undefined` when the text is not
 * an object, or is one of too many. The bytes may be anything, and nobody has looked at limits yet.
 */
export function ownMembers(body: Buffer, start: number, end: number): ReadonlyMap<string, ScannedMember> | undefined {
  const scanned = scanMembers(body, start, end, MAX_OWN_MEMBERS);
  if (scanned === undefined) return undefined;
  const members = new Map<string, ScannedMember>();
  for (const member of scanned) {
    const name = parseJson(body, member.keyStart, member.keyEnd);
    if (typeof name !== "string") return undefined;
    members.set(name, member);
  }
  return members;
}
