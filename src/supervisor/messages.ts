import type { Progress } from "./crash-record.ts";
import type { ErrorCode } from "../core/errors.ts";

/** A question, and what comes back under its number. Either side may ask. */
export type QuestionMessage =
  | { readonly kind: "ask"; readonly id: number; readonly question: unknown }
  | { readonly kind: "answer"; readonly id: number; readonly answer: unknown }
  /** The question could not be answered, in words. */
  | { readonly kind: "refusal"; readonly id: number; readonly reason: string };

/** What a supervisor sends to a worker. */
export type ToWorker =
  | QuestionMessage
  /** The first message. `beatEveryMs`: how often to show a sign of life. */
  | { readonly kind: "start"; readonly start: unknown; readonly beatEveryMs: number }
  | { readonly kind: "drain" };

/** What a worker sends to its supervisor. Every message is a sign of life. */
export type FromWorker =
  | QuestionMessage
  /** `cpuMs`: processor time that the process has used so far. */
  | { readonly kind: "alive"; readonly progress: Progress; readonly cpuMs: number }
  | { readonly kind: "ready"; readonly report: unknown; readonly progress: Progress }
  | { readonly kind: "failed"; readonly code: ErrorCode; readonly message: string }
  | { readonly kind: "end"; readonly lastWords: unknown };
