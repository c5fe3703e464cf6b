import type { ClientEvent, TrackOptions } from "./client-options.ts";

/**
 * The event as JSON; `undefined` when its data cannot be JSON, such as with a circle or a BigInt.
 *
 * @param keptOneIn how many events this one stands for
 */
export function eventJson(
  id: string,
  type: string,
  data: unknown,
  { time, dataschema, attributes }: TrackOptions,
  keptOneIn: number,
): string | undefined {
  try {
    return JSON.stringify({
      ...attributes,
      id,
      type,
      // An invalid Date throws here.
      time: typeof time === "string" ? time : (time ?? new Date()).toISOString(),
      dataschema,
      ...(keptOneIn > 1 && { sampledrate: keptOneIn }),
      data,
    });
  } catch {
    return undefined;
  }
}

/** The event of which `eventJson` made the JSON. */
export function eventOf(json: string): ClientEvent {
  const event: ClientEvent = JSON.parse(json);
  return event;
}
