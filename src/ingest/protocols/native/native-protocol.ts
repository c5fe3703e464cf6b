import type { Protocol } from "../protocol.ts";
import { layoutOf, NATIVE_MEDIA_TYPES, parseNative } from "./parse-native.ts";

/** Our own: one event, an array of events, or an event to a line, each a lenient CloudEvents object. */
export const nativeProtocol: Protocol = {
  name: "native",
  endpoints: [
    {
      path: "/v1/events",
      methods: ["POST"],
      mediaTypes: NATIVE_MEDIA_TYPES,
      readerOf({ headers }) {
        const layout = layoutOf(headers["content-type"]);
        return layout && ((body, limits) => parseNative(body, layout, limits));
      },
    },
  ],
};
