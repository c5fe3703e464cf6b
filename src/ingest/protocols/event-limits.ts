import { formatBytes } from "../../core/config-fields.ts";
import type { ValidationProblem } from "../../core/validation.ts";
import { MAX_MEMBER_NAME_BYTES, type ScannedValue } from "../../core/json-scan.ts";
import type { EventLimits } from "./incoming-event.ts";

/** What limit an event breaks, if any. Looked at before it is parsed. */
export function brokenLimit(scanned: ScannedValue, limits: EventLimits): ValidationProblem | undefined {
  const bytes = scanned.end - scanned.start;
  if (bytes > limits.maxEventBytes) {
    const expected = `at most ${formatBytes(limits.maxEventBytes)}`;
    const message = `The event is too large: ${bytes} bytes, where ${expected} are allowed.`;
    return { code: "event_too_large", pointer: "", message, expected, found: `${bytes} bytes` };
  }
  if (scanned.depth > limits.maxJsonDepth) {
    const expected = `at most ${limits.maxJsonDepth} levels`;
    const message = `The event is nested too deep: ${scanned.depth} levels, where ${expected} are allowed.`;
    return { code: "too_deep", pointer: "", message, expected, found: `${scanned.depth} levels` };
  }
  if (scanned.keys > limits.maxJsonKeys) {
    const expected = `at most ${limits.maxJsonKeys}`;
    const message = `The event has too many members and elements: ${scanned.keys}, where ${expected} are allowed.`;
    return { code: "too_many_keys", pointer: "", message, expected, found: `${scanned.keys}` };
  }
  if (scanned.longName) {
    const expected = `at most ${MAX_MEMBER_NAME_BYTES} bytes`;
    const message = `The name of a member is too long, where ${expected} are allowed. Put long text into a value.`;
    return { code: "name_too_long", pointer: "", message, expected };
  }
  return undefined;
}
