import assert from "node:assert/strict";
import { type ScannedMember, scanMembers, skipSpace, trimEnd } from "../../core/json-scan.ts";
import { memberName } from "../body/member-name.ts";
import { parseJson } from "./parse-json.ts";

/** An event that has come by so many collectors runs in a circle. */
export const MAX_HOPS = 16;

const COMMA = 0x2c;

/** An event as another collector has made it canonical. */
export interface RelayedForm {
  /** Its members without the braces and `via`, byte for byte. */
  readonly members: Buffer;
  /** Collectors that it has come by after the one in `collector`, the last one last. */
  readonly via: string | undefined;
  readonly hops: number;
}

/** What the first collector writes into every event; without them no collector has recorded it. */
const RECORDED = ["specversion", "source", "id", "time", "receivedtime", "collector"];

/** Attributes of a collector that are not in every event, with what they hold. */
const OTHERS: Readonly<Record<string, "string" | "boolean">> = {
  clientip: "string",
  idassigned: "boolean",
  sendersource: "string",
  useragent: "string",
};

/**
 * Reads an event of a sender that is a collector itself. `undefined` when it was not recorded by one, so that this
 * collector is the first.
 *
 * @param raw an object that `JSON.parse` accepts
 */
export function readRelayed(raw: Buffer): RelayedForm | undefined {
  const members = scanMembers(raw, 0, raw.length);
  assert(members !== undefined, "only what parses as an object is read");
  const byName = new Map<string, ScannedMember>();
  // Of equal names the last counts, as for JSON.parse.
  for (const member of members) byName.set(memberName(raw, member), member);
  if (!RECORDED.every((name) => isOf(raw, byName.get(name), "string"))) return undefined;

  const kept = new Set(byName.values());
  for (const [name, type] of Object.entries(OTHERS)) {
    const member = byName.get(name);
    if (member !== undefined && !isOf(raw, member, type)) kept.delete(member);
  }
  const viaMember = byName.get("via");
  if (viaMember !== undefined) kept.delete(viaMember);
  const via = viaMember === undefined ? "" : valueOf(raw, viaMember);
  const hops = typeof via === "string" && via !== "" ? via.split(",").length : 0;
  return {
    members: kept.size === members.length ? innerOf(raw) : joined(raw, members, kept),
    via: typeof via === "string" && via !== "" ? via : undefined,
    hops,
  };
}

function isOf(raw: Buffer, member: ScannedMember | undefined, type: "string" | "boolean"): boolean {
  return member !== undefined && typeof valueOf(raw, member) === type && valueOf(raw, member) !== "";
}

function valueOf(raw: Buffer, { valueStart, valueEnd }: ScannedMember): unknown {
  return parseJson(raw, valueStart, valueEnd);
}

function innerOf(raw: Buffer): Buffer {
  return raw.subarray(skipSpace(raw, 0, raw.length) + 1, trimEnd(raw, 0, raw.length) - 1);
}

function joined(raw: Buffer, members: readonly ScannedMember[], kept: ReadonlySet<ScannedMember>): Buffer {
  const out = Buffer.allocUnsafe(raw.length);
  let length = 0;
  for (const member of members) {
    if (!kept.has(member)) continue;
    if (length > 0) out[length++] = COMMA;
    length += raw.copy(out, length, member.keyStart, member.valueEnd);
  }
  return out.subarray(0, length);
}
