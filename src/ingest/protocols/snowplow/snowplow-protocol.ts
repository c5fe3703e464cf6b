import type { Exchange, RequestHead } from "../../exchange.ts";
import { essenceOf } from "../media-type.ts";
import type { Protocol, Taken } from "../protocol.ts";
import { answerGif, gifProblem } from "../transparent-gif.ts";
import { urlParameters } from "../url-parameters.ts";
import { firstAppId, readEnvelope, readQuery } from "./read-payload.ts";

const MEDIA_TYPES: readonly string[] = ["application/json", "text/plain"];

/**
 * Snowplow's tracker protocol (`com.snowplowanalytics.snowplow/tp2`): events of flat parameters, in a body or
 * in the query of an image.
 *
 * Trackers have no option for a write key, so the app id of the first event is one.
 */
export const snowplowProtocol: Protocol = {
  name: "snowplow",
  endpoints: [
    {
      path: "/com.snowplowanalytics.snowplow/tp2",
      methods: ["POST"],
      mediaTypes: MEDIA_TYPES,
      readerOf: ({ headers }) => (isRead(headers["content-type"]) ? readEnvelope : undefined),
      keyIn: firstAppId,
      isAnonymous,
      answer: answerText,
    },
    {
      path: "/i",
      methods: ["GET"],
      mediaTypes: [],
      readerOf:
        ({ url = "" }) =>
        (_body, limits, receivedMs) =>
          readQuery(url, limits, receivedMs),
      keyIn(_body, { url = "" }) {
        const query = urlParameters(url);
        return "kind" in query ? undefined : query.get("aid");
      },
      isAnonymous,
      answer: answerGif,
      problemForm: gifProblem,
    },
  ],
};

/** Whether a body of the type is read. A beacon of a Blob without a type has none. */
function isRead(contentType = ""): boolean {
  return contentType === "" || MEDIA_TYPES.includes(essenceOf(contentType));
}

/** The header that trackers send with `withServerAnonymisation`. */
function isAnonymous({ headers }: RequestHead): boolean {
  return headers["sp-anonymous"] !== undefined;
}

/** Trackers look at the status only. A part that was rejected must not be sent again, so it is told in words. */
function answerText(exchange: Exchange, { problem, receipt, pending }: Taken): void {
  exchange.body(
    pending ? 202 : 200,
    "text/plain; charset=utf-8",
    problem ?? "ok",
    receipt === undefined ? [] : ["Millrace-Receipt", receipt],
  );
}
