import type { Logger } from "pino";
import type { Judgement } from "./judge-events.ts";

/** Of one request. */
const MAX_LOGGED_EVENTS = 10;

/** For who works on events with `millrace dev`. Production runs above this level, and logs no line an event. */
export function logInvalid(log: Logger, source: string, { invalid, warned }: Judgement): void {
  if (!log.isLevelEnabled("debug")) return;
  for (const { index, problems, kept = problems } of [...invalid, ...warned].slice(0, MAX_LOGGED_EVENTS)) {
    const reasons = kept.map(({ pointer, message }) => `${pointer} ${message}`.trim());
    log.debug({ source, index, reasons }, "event is not valid");
  }
}
