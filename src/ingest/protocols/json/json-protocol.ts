import { essenceOf } from "../media-type.ts";
import { type BodyLayout, layoutOf, NATIVE_MEDIA_TYPES } from "../native/parse-native.ts";
import type { Protocol } from "../protocol.ts";
import type { ValueRules } from "../values/map-value.ts";
import { mapValues } from "../values/map-values.ts";

/** JSON of any form, such as the webhooks of others, each value the `data` of an event. */
export const jsonProtocol: Protocol = {
  name: "json",
  endpoints: [
    {
      path: "/v1/json",
      methods: ["POST"],
      mediaTypes: NATIVE_MEDIA_TYPES,
      readerOf({ headers }, { json }) {
        const layout = layoutOf(headers["content-type"]) ?? vendorLayout(headers["content-type"]);
        const rules: ValueRules = { options: json ?? {}, headers, type: "json" };
        return layout && ((body, limits) => mapValues(body, layout, limits, rules));
      },
    },
  ],
};

/** Webhooks have media types of their own, such as `application/vnd.contentful.management.v1+json`. */
function vendorLayout(contentType = ""): BodyLayout | undefined {
  return /^application\/[\w.!#$&^+-]+\+json$/.test(essenceOf(contentType)) ? "any" : undefined;
}
