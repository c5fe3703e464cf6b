import type { Exchange } from "../../exchange.ts";
import { essenceOf } from "../media-type.ts";
import type { BodyReader, Protocol, ProtocolEndpoint, Taken } from "../protocol.ts";
import type { SegmentCall } from "./map-message.ts";
import { readBatch, readMessage, writeKeyIn } from "./read-segment.ts";

/** The short paths are those of the library for browsers. */
const CALLS: readonly (readonly [path: string, short: string, SegmentCall])[] = [
  ["/v1/alias", "/v1/a", "alias"],
  ["/v1/group", "/v1/g", "group"],
  ["/v1/identify", "/v1/i", "identify"],
  ["/v1/page", "/v1/p", "page"],
  ["/v1/screen", "/v1/s", "screen"],
  ["/v1/track", "/v1/t", "track"],
];

const BATCHES: readonly string[] = ["/v1/batch", "/v1/b", "/v1/import"];

/** The library for browsers says `text/plain`, others say JSON. */
const MEDIA_TYPES: readonly string[] = ["application/json", "text/plain"];

/** Segment's tracking API: a message, or a batch of messages, by calls that have paths of their own. */
export const segmentProtocol: Protocol = {
  name: "segment",
  endpoints: [
    ...CALLS.flatMap(([path, short, call]) => {
      const reader: BodyReader = (body, limits, receivedMs) => readMessage(body, call, limits, receivedMs);
      return [endpoint(path, reader), endpoint(short, reader)];
    }),
    ...BATCHES.map((path) => endpoint(path, readBatch)),
  ],
};

function endpoint(path: string, reader: BodyReader): ProtocolEndpoint {
  return {
    path,
    methods: ["POST"],
    mediaTypes: MEDIA_TYPES,
    readerOf({ headers }) {
      const essence = essenceOf(headers["content-type"] ?? "");
      // A beacon of a Blob without a type has none.
      return essence === "" || MEDIA_TYPES.includes(essence) ? reader : undefined;
    },
    keyIn: writeKeyIn,
    answer,
  };
}

/**
 * As Segment does. 200 for a batch of which a part is refused, too: some clients take anything else
 * for a failure and would send the whole again.
 */
function answer(exchange: Exchange, { accepted, rejected, problem, receipt, pending }: Taken): void {
  const told = rejected > 0 ? { success: true, accepted, rejected, problem } : { success: true };
  exchange.json(pending ? 202 : 200, JSON.stringify(told), receipt === undefined ? [] : ["Millrace-Receipt", receipt]);
}
