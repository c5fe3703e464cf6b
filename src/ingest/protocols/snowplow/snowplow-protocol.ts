import type { Exchange, RequestHead, Visitor } from "../../exchange.ts";
import type { Source } from "../../sources.ts";
import { essenceOf } from "../media-type.ts";
import type { Protocol, Taken } from "../protocol.ts";
import { answerGif, gifProblem } from "../transparent-gif.ts";
import { urlParameters } from "../url-parameters.ts";
import { networkUser } from "./network-user.ts";
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
      readerOf: ({ headers }, _source, visitorId) =>
        isRead(headers["content-type"])
          ? (body, limits, receivedMs) => readEnvelope(body, limits, receivedMs, visitorId)
          : undefined,
      keyIn: firstAppId,
      isAnonymous,
      visitorOf,
      answer: answerText,
    },
    {
      path: "/i",
      methods: ["GET"],
      mediaTypes: [],
      readerOf:
        ({ url = "" }, _source, visitorId) =>
        (_body, limits, receivedMs) =>
          readQuery(url, limits, receivedMs, visitorId),
      keyIn(_body, { url = "" }) {
        const query = urlParameters(url);
        return "kind" in query ? undefined : query.get("aid");
      },
      isAnonymous,
      visitorOf,
      answer: (exchange, taken) => answerGif(exchange, taken, cookieFor(exchange)),
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

/** Who asks for anonymity is nobody. */
function visitorOf(head: RequestHead, { snowplow }: Source): Visitor | undefined {
  const options = snowplow?.networkUserId;
  return options === undefined || isAnonymous(head) ? undefined : networkUser(options, head.headers.cookie);
}

/** In pairs. */
function cookieFor({ visitor }: Exchange): readonly string[] {
  return visitor === undefined ? [] : ["Set-Cookie", visitor.setCookie];
}

/** Trackers look at the status only. A part that was rejected must not be sent again, so it is told in words. */
function answerText(exchange: Exchange, { problem, receipt, pending }: Taken): void {
  const told = receipt === undefined ? [] : ["Millrace-Receipt", receipt];
  exchange.body(pending ? 202 : 200, "text/plain; charset=utf-8", problem ?? "ok", [...told, ...cookieFor(exchange)]);
}
