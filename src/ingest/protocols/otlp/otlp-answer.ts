import type { Exchange, ProblemForm, RequestHead } from "../../exchange.ts";
import { essenceOf } from "../media-type.ts";
import type { Taken } from "../protocol.ts";
import type { Signal } from "./signal.ts";

/** How a request is written, and so its answer. */
export type OtlpEncoding = "json" | "protobuf";

const JSON_TYPE = "application/json";
const PROTOBUF_TYPE = "application/x-protobuf";

export const OTLP_MEDIA_TYPES: readonly string[] = [JSON_TYPE, PROTOBUF_TYPE];

/** `undefined` when it is neither. */
export function encodingOf({ headers }: RequestHead): OtlpEncoding | undefined {
  const essence = essenceOf(headers["content-type"] ?? "");
  if (essence === JSON_TYPE) return "json";
  return essence === PROTOBUF_TYPE ? "protobuf" : undefined;
}

/** Codes of google.rpc.Status by the status of HTTP that Google maps them to; those that OTLP clients look at. */
const RPC_CODES: ReadonlyMap<number, number> = new Map([
  [401, 16],
  [403, 7],
  [404, 5],
  [405, 12],
  [408, 4],
  [413, 8],
  [429, 8],
  [431, 8],
  [500, 13],
  [503, 14],
]);
const INVALID_ARGUMENT = 3;

/** A refusal as a google.rpc.Status, in the encoding of its request. Our own code begins the message. */
export const otlpProblem: ProblemForm = ({ code, detail }, status, request) => {
  const rpcCode = RPC_CODES.get(status) ?? INVALID_ARGUMENT;
  const message = `${code}: ${detail}`;
  if (encodingOf(request) !== "protobuf") {
    return { mediaType: JSON_TYPE, body: JSON.stringify({ code: rpcCode, message }) };
  }
  return { mediaType: PROTOBUF_TYPE, body: message1And2(rpcCode, message) };
};

/** Answers 200, or 202 where `delivered` is not reached, with an `Export…ServiceResponse` in the encoding of the request, which tells of what was rejected. */
export function answerOtlp(exchange: Exchange, { rejected, problem, receipt, pending }: Taken, signal: Signal): void {
  const status = pending ? 202 : 200;
  const headers = receipt === undefined ? [] : ["Millrace-Receipt", receipt];
  const isPartial = rejected > 0;
  const errorMessage = problem ?? "";
  if (encodingOf(exchange.request) !== "protobuf") {
    // An integer of 64 bits, which JSON has as a string.
    const partialSuccess = { [signal.rejected]: String(rejected), errorMessage };
    return exchange.body(status, JSON_TYPE, JSON.stringify(isPartial ? { partialSuccess } : {}), headers);
  }
  const body = isPartial ? lengthDelimited(1, message1And2(rejected, errorMessage)) : Buffer.alloc(0);
  exchange.body(status, PROTOBUF_TYPE, body, headers);
}

/** The form that a Status and a partial success have in common: an integer in field 1 and a text in field 2. */
function message1And2(value: number, text: string): Buffer {
  return Buffer.concat([Buffer.from([0x08, ...varint(value)]), lengthDelimited(2, Buffer.from(text))]);
}

function lengthDelimited(field: number, bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from([field * 8 + 2, ...varint(bytes.length)]), bytes]);
}

/** @param value not negative, below 2^53 */
function varint(value: number): number[] {
  const bytes: number[] = [];
  let left = value;
  for (; left >= 0x80; left = Math.floor(left / 0x80)) bytes.push((left % 0x80) + 0x80);
  return [...bytes, left];
}
