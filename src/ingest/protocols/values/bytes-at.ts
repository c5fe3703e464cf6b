import { scanElements, scanMembers } from "../../../core/json-scan.ts";
import { memberName } from "../../body/member-name.ts";

/**
 * The bytes of what a pointer leads to, as they were sent, so that no digit of a number is lost;
 * `undefined` when there is nothing. Of members with the same name the last counts, as with `JSON.parse`.
 *
 * @param json bytes that `JSON.parse` accepts, without white space around them
 */
export function bytesAt(json: Buffer, tokens: readonly string[]): Buffer | undefined {
  let value: Buffer | undefined = json;
  for (const token of tokens) value = value && childAt(value, token);
  return value;
}

function childAt(json: Buffer, token: string): Buffer | undefined {
  const members = scanMembers(json, 0, json.length);
  if (members === undefined) return elementAt(json, token);
  const member = members.findLast((each) => memberName(json, each) === token);
  return member && json.subarray(member.valueStart, member.valueEnd);
}

function elementAt(json: Buffer, token: string): Buffer | undefined {
  if (!/^(?:0|[1-9]\d{0,5})$/.test(token)) return undefined;
  const element = scanElements(json, 0, json.length, Number(token))?.[Number(token)];
  return element && json.subarray(element.start, element.end);
}
