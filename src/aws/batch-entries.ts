import type { Batch, Fate, Receipt } from "../core/sink.ts";
import { entryError, type ErrorKnowledge, inWords, unusableReply } from "./failed-call.ts";
import type { ServiceError } from "./service-error.ts";

/** What SQS and SNS reply to a batch: entries with the `Id` that they had in the call. */
export interface BatchEntries {
  readonly successful: readonly Readonly<Record<string, unknown>>[];
  readonly failed: readonly Readonly<Record<string, unknown>>[];
}

const DELIVERED = { kind: "delivered" } as const;
const UNTOLD: Fate = { kind: "retryable", reason: "the reply does not confirm the message" };

/** Blamed on the sender, yet not the event's fault: rights, keys, limits, and a destination that is not there or of another kind. */
const NOT_THE_EVENT =
  /access|denied|auth|kms|throttl|limit|unavailable|internal|missingparameter|exist|notfound|unsupported|disabled/i;

/**
 * The fate of each event by the entry that holds it. Rejected is what the service blames on the
 * message. Everything else that is not confirmed may be sent again.
 *
 * Of a message with several events nobody knows which is to blame, or whether they are only too many:
 * then the whole is refused, so that it is sent again in halves.
 *
 * @param messages the events of each message; the `Id` of an entry is the message's index
 */
export function fatesOfEntries(entries: BatchEntries, messages: readonly Batch[], errors: ErrorKnowledge): Receipt {
  const fates: Fate[] = messages.map(() => UNTOLD);
  const told = new Set<number>();
  const tell = (entry: Readonly<Record<string, unknown>>, fate: Fate): boolean => {
    const index = typeof entry["Id"] === "string" && /^\d$/.test(entry["Id"]) ? Number(entry["Id"]) : messages.length;
    if (index >= messages.length || told.has(index)) return false;
    told.add(index);
    fates[index] = fate;
    return true;
  };
  for (const entry of entries.successful) {
    const isConfirmed = typeof entry["MessageId"] === "string" && entry["MessageId"] !== "";
    if (!tell(entry, isConfirmed ? DELIVERED : UNTOLD))
      return unusableReply("tells of a message twice, or of one that was not sent");
  }
  for (const entry of entries.failed) {
    if (!tell(entry, fateOfFailed(entry, errors)))
      return unusableReply("tells of a message twice, or of one that was not sent");
  }
  if (fates.every(({ kind }) => kind === "delivered")) return DELIVERED;
  const blamed = fates.find((fate, index) => fate.kind === "rejected" && (messages[index]?.length ?? 0) > 1);
  if (blamed?.kind === "rejected") return { kind: "refused", reason: blamed.reason };
  return { kind: "partial", fates: messages.flatMap((events, index) => events.map(() => fates[index] ?? UNTOLD)) };
}

function fateOfFailed(entry: Readonly<Record<string, unknown>>, errors: ErrorKnowledge): Fate {
  const error: ServiceError = entryError(entry, "Code", "Message") ?? { code: undefined, message: "" };
  const { SenderFault: senderFault } = entry;
  const isBlamed = (senderFault === true || senderFault === "true") && !NOT_THE_EVENT.test(error.code ?? "access");
  return { kind: isBlamed ? "rejected" : "retryable", reason: inWords(error, errors.advice) };
}
