import assert from "node:assert/strict";
import { type ScannedMember, scanMembers } from "../../core/json-scan.ts";
import { attributeFate } from "./attributes.ts";
import { memberName } from "../body/member-name.ts";

const COMMA = 0x2c;

const RENAMED = Buffer.from('"sendersource":');
const GROWTH = RENAMED.length - Buffer.byteLength('"source":');

/**
 * The members of a JSON object without its braces, after the sender's `source` was
 * renamed and what is not the sender's to say was taken out, however its name is
 * spelled. The rest stays byte for byte, but for white space between members.
 *
 * Of members with the same name only the last stays: that is the one `JSON.parse`
 * took and validation saw. Attributes that are null go, since null means absent.
 *
 * @param raw an object that `JSON.parse` accepts
 */
export function rewriteMembers(raw: Buffer): Buffer {
  const members = scanMembers(raw, 0, raw.length);
  assert(members !== undefined, "only what parses as an object is rewritten");
  const kept = keptMembers(raw, members);
  const out = Buffer.allocUnsafe(raw.length + GROWTH);
  let length = 0;
  for (const { member, renamed } of kept) {
    if (length > 0) out[length++] = COMMA;
    if (renamed) length += RENAMED.copy(out, length);
    length += raw.copy(out, length, renamed ? member.valueStart : member.keyStart, member.valueEnd);
  }
  return out.subarray(0, length);
}

interface KeptMember {
  readonly member: ScannedMember;
  readonly renamed: boolean;
}

function keptMembers(raw: Buffer, members: readonly ScannedMember[]): KeptMember[] {
  const seen = new Set<string>();
  const kept: KeptMember[] = [];
  // From the end, so that the first of a name to be seen is the one that counts.
  for (let index = members.length - 1; index >= 0; index--) {
    const member = members[index];
    if (member === undefined) continue;
    const name = memberName(raw, member);
    if (seen.has(name)) continue;
    seen.add(name);
    const fate = attributeFate(name);
    if (fate === "remove" || (name !== "data" && isNull(raw, member))) continue;
    kept.push({ member, renamed: fate === "rename" });
  }
  return kept.toReversed();
}

/** Of all values that JSON.parse accepts only null begins with an n. */
function isNull(raw: Buffer, { valueStart }: ScannedMember): boolean {
  return raw[valueStart] === 0x6e;
}
