import type { EventLimits, IncomingBody } from "../incoming-event.ts";
import type { BodyLayout } from "../native/parse-native.ts";
import { mapValue, type ValueRules } from "./map-value.ts";
import { readValues } from "./read-values.ts";

/** Makes an event of each JSON value of a body. */
export function* mapValues(body: Buffer, layout: BodyLayout, limits: EventLimits, rules: ValueRules): IncomingBody {
  const values = readValues(body, layout, limits);
  for (let index = 0; ; index++) {
    const next = values.next();
    if (next.done === true) return next.value;
    yield next.value.kind === "value" ? mapValue(next.value.json, index, rules, limits) : next.value;
  }
}
