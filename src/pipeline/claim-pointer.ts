import { hash } from "node:crypto";
import type { Claim } from "../core/claim-store.ts";
import type { CollectedEvent } from "../core/event.ts";
import { scanMembers, type ScannedMember } from "../core/json-scan.ts";

/**
 * Attributes that a pointer has in the place of `data`. `dataref` is CloudEvents' extension for claim
 * checks (https://github.com/cloudevents/spec/blob/main/cloudevents/extensions/dataref.md): what it
 * refers to is the data. The others are ours.
 */
const POINTER_MEMBERS = new Set(["dataref", "datasize", "datasha256", "databinary"]);

/** An event parted into its data, and what is around it. */
export interface PartedEvent {
  readonly claim: Claim;
  /** The event with a reference in the place of its data. */
  pointerTo(uri: string): CollectedEvent;
}

/**
 * Parts an event; `undefined` when it has no data, or none that could be put back, or attributes with the names that a
 * pointer needs. All bytes but the data's stay what and where they are: with the data put back, the event is the same again.
 */
export function partEvent(event: CollectedEvent): PartedEvent | undefined {
  const { bytes, position, receivedMs } = event;
  let data: ScannedMember | undefined;
  let isJson = true;
  for (const member of scanMembers(bytes, 0, bytes.length) ?? []) {
    const name = nameOf(bytes, member);
    if (POINTER_MEMBERS.has(name)) return undefined;
    if (name === "data" || (name === "data_base64" && !isNull(bytes, member))) {
      data = member;
      isJson = name === "data";
    }
  }
  if (data === undefined) return undefined;
  const value = bytes.subarray(data.valueStart, data.valueEnd);
  const content = isJson ? value : fromBase64(String(JSON.parse(value.toString())));
  if (content === undefined) return undefined;
  const claim: Claim = { position, receivedMs, sha256: hash("sha256", content), bytes: content, isJson };
  const [before, after] = [bytes.subarray(0, data.keyStart), bytes.subarray(data.valueEnd)];
  return {
    claim,
    pointerTo(uri) {
      const reference =
        `"dataref":${JSON.stringify(uri)},"datasize":${content.length},"datasha256":"${claim.sha256}"` +
        (isJson ? "" : `,"databinary":true`);
      return { ...event, bytes: Buffer.concat([before, Buffer.from(reference), after]) };
    },
  };
}

function isNull(bytes: Buffer, { valueStart, valueEnd }: ScannedMember): boolean {
  return bytes.toString("latin1", valueStart, valueEnd) === "null";
}

/** The bytes of base64 in any spelling; `undefined` for other text, of which a decoder would leave something out. */
function fromBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, "base64");
  const usual = text.replaceAll(/[\s=]/g, "").replaceAll("-", "+").replaceAll("_", "/");
  return bytes.toString("base64").replaceAll("=", "") === usual ? bytes : undefined;
}

function nameOf(bytes: Buffer, { keyStart, keyEnd }: ScannedMember): string {
  const text = bytes.toString("utf8", keyStart, keyEnd);
  return text.includes("\\") ? String(JSON.parse(text)) : text.slice(1, -1);
}

/** What tells an event in the dead letters again, without reading all of it. */
export function digestOf(event: CollectedEvent): { readonly bytes: number; readonly sha256: string } {
  return { bytes: event.bytes.length, sha256: hash("sha256", event.bytes) };
}
