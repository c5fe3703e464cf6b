import type { Fate } from "../../core/sink.ts";
import { isObject, parseJsonObject } from "../../outbound/json-reply.ts";
import { quotable } from "../../outbound/quotable.ts";

/** What came of a message. `duplicate`: the stream had it already. */
export type Answer = { readonly fate: Fate; readonly duplicate: boolean };

export const STORED: Answer = { fate: { kind: "delivered" }, duplicate: false };
const STORED_BEFORE: Answer = { fate: { kind: "delivered" }, duplicate: true };

/**
 * Errors of JetStream that are about the message itself, by `err_code`
 * (https://github.com/nats-io/nats-server/blob/main/server/errors.json). All others an operator can mend.
 */
const REFUSALS: Readonly<Record<number, string>> = {
  10054: "larger than the stream's max_msg_size",
  10097: "the headers exceed 64 KiB",
};

const ADVICE: Readonly<Record<number, string>> = {
  10060: "another stream than `stream` takes the subject",
  10077: "the stream cannot store more: see its limits and the disk",
};

/** Reads the answer to one message: a stream's acknowledgement, its error, or that nobody listens. */
export function readAnswer(reply: { readonly code: number; readonly data: Uint8Array }, subject: string): Answer {
  // Status 503: no responders.
  if (reply.code === 503) return later(`no stream takes ${subject}, or it has no leader at the moment`);
  const answer = parseJsonObject(Buffer.from(reply.data.buffer, reply.data.byteOffset, reply.data.byteLength));
  const error = answer?.["error"];
  if (isObject(error)) return ofError(error);
  const { stream, seq, duplicate } = answer ?? {};
  if (typeof stream !== "string" || stream === "" || typeof seq !== "number") {
    return later("the answer is not that of a stream: something else listens on the subject");
  }
  return duplicate === true ? STORED_BEFORE : STORED;
}

export function later(reason: string): Answer {
  return { fate: { kind: "retryable", reason }, duplicate: false };
}

export function never(reason: string): Answer {
  return { fate: { kind: "rejected", reason }, duplicate: false };
}

function ofError(error: Readonly<Record<string, unknown>>): Answer {
  const code = typeof error["err_code"] === "number" ? error["err_code"] : 0;
  const words = typeof error["description"] === "string" ? `"${quotable(error["description"])}"` : "";
  const parts = [`JetStream error ${code}`, REFUSALS[code] ?? ADVICE[code] ?? "", words];
  const reason = parts.filter((part) => part !== "").join(": ");
  return REFUSALS[code] === undefined ? later(reason) : never(reason);
}
