import { type ScannedMember, scanMembers } from "../../../core/json-scan.ts";
import type { Exchange, RequestHead } from "../../exchange.ts";
import type { Source } from "../../sources.ts";
import { essenceOf } from "../media-type.ts";
import { layoutOf, NATIVE_MEDIA_TYPES } from "../native/parse-native.ts";
import type { Protocol, Taken } from "../protocol.ts";
import { memberName } from "../../body/member-name.ts";
import { scalarText, type ValueRules } from "../values/map-value.ts";
import { mapValues } from "../values/map-values.ts";
import { readTime } from "../values/read-time.ts";
import { readMsgpack } from "./read-msgpack.ts";

const MSGPACK_TYPES: readonly string[] = ["application/msgpack", "application/x-msgpack", "application/vnd.msgpack"];

/** In this order. Fluent Bit adds `date` by itself, so what the program wrote goes first. */
const TIME_MEMBERS: readonly string[] = ["@timestamp", "timestamp", "time", "date"];

const MAX_TAG_CHARS = 255;

/** Log records as the HTTP outputs of Vector, Fluent Bit, Fluentd and Logstash send them. */
export const logsProtocol: Protocol = {
  name: "logs",
  endpoints: [
    {
      path: "/v1/records",
      methods: ["POST"],
      mediaTypes: [...NATIVE_MEDIA_TYPES, ...MSGPACK_TYPES],
      readerOf(head, source) {
        const rules = rulesOf(head, source);
        const contentType = head.headers["content-type"];
        if (contentType !== undefined && MSGPACK_TYPES.includes(essenceOf(contentType))) {
          return (body, limits) => readMsgpack(body, limits, rules);
        }
        const layout = layoutOf(contentType);
        return layout && ((body, limits) => mapValues(body, layout, limits, rules));
      },
      answer,
    },
  ],
};

function rulesOf({ headers }: RequestHead, { logs }: Source): ValueRules {
  const header = headers["fluent-tag"];
  const tag = typeof header === "string" && header !== "" ? header.slice(0, MAX_TAG_CHARS) : undefined;
  return { options: logs ?? {}, headers, type: tag ?? "log", timeOf: usualTime, attributes: { tag } };
}

/** The time of a record, from the members that usually have it: the first of them that reads as a time. */
function usualTime(record: Buffer): string | undefined {
  const found: (ScannedMember | undefined)[] = TIME_MEMBERS.map(() => undefined);
  for (const member of scanMembers(record, 0, record.length) ?? []) {
    const rank = TIME_MEMBERS.indexOf(memberName(record, member));
    if (rank >= 0) found[rank] = member;
  }
  for (const member of found) {
    const text = member && scalarText(record.subarray(member.valueStart, member.valueEnd));
    const time = text === undefined ? undefined : readTime(text);
    if (time !== undefined) return time;
  }
  return undefined;
}

/**
 * 201 also where some records were refused: Fluent Bit sends a request again that is answered with
 * 207, and would send the records that were taken twice.
 */
function answer(exchange: Exchange, { accepted, rejected, problem, receipt, pending }: Taken): void {
  const headers = receipt === undefined ? [] : ["Millrace-Receipt", receipt];
  const status = pending ? 202 : 201;
  if (rejected === 0) exchange.empty(status, headers);
  else exchange.json(status, JSON.stringify({ accepted, rejected, problem }), headers);
}
