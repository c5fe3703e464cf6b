import type { Message } from "../notice.ts";

/** What came of sending a message. Reasons and answers are short, and hold no secret of ours. */
export type SendResult =
  /** `warning`: what is to be mended though it was taken. */
  | { readonly kind: "sent"; readonly answer: string; readonly warning?: string }
  /** Not taken, or nobody knows: it may be sent again, under the same id. */
  | { readonly kind: "failed"; readonly reason: string; readonly retryAfterMs?: number }
  /** This message will never be taken. */
  | { readonly kind: "refused"; readonly reason: string };

/** Sends one message to where a channel leads. It does not retry and has no queue: the outbox does and has. */
export interface Messenger {
  /** Throws only on a bug. Aborting `signal` ends it as failed. */
  send(message: Message, signal: AbortSignal): Promise<SendResult>;
  /** Safe to call twice. */
  close(): Promise<void>;
}
