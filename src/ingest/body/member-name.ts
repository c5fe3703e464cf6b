import type { ScannedMember } from "../../core/json-scan.ts";

/** The name of a member, however it is spelled. */
export function memberName(json: Buffer, { keyStart, keyEnd }: ScannedMember): string {
  return stringValue(json.toString("utf8", keyStart, keyEnd));
}

/** What a JSON string says. What is no JSON string stands for itself, without its quotes. */
export function stringValue(json: string): string {
  if (!json.includes("\\")) return json.slice(1, -1);
  try {
    return String(JSON.parse(json));
  } catch {
    return json.slice(1, -1);
  }
}
