import { isBinaryMode, readBinary } from "../cloudevents/binary-mode.ts";
import type { Protocol } from "../protocol.ts";
import { layoutOf, NATIVE_MEDIA_TYPES, parseNative } from "./parse-native.ts";

/**
 * Our own: one event, an array of events, or an event to a line, each a lenient CloudEvents object.
 * An event whose attributes are headers is understood too.
 */
export const nativeProtocol: Protocol = {
  name: "native",
  endpoints: [
    {
      path: "/v1/events",
      methods: ["POST"],
      mediaTypes: NATIVE_MEDIA_TYPES,
      readerOf({ headers }) {
        if (isBinaryMode(headers)) return (body, limits) => readBinary(headers, body, limits);
        const layout = layoutOf(headers["content-type"]);
        return layout && ((body, limits) => parseNative(body, layout, limits));
      },
    },
  ],
};
