import { formatBytes } from "../../core/config-fields.ts";
import type { ProblemCode } from "../problems.ts";

/** A body that was taken. Its `body.length` bytes are reserved; who gets it releases them once the request is answered. */
export interface TakenBody {
  readonly kind: "body";
  readonly body: Buffer;
}

/** A body that was not taken. Nothing is reserved for it any more. */
export interface RefusedBody {
  readonly kind: "refused";
  readonly code: ProblemCode;
  readonly detail: string;
}

/** The client went away before its body was complete: nobody is left to answer. Nothing is reserved. */
export interface GoneBody {
  readonly kind: "gone";
}

/** What came of a request's body. */
export type Body = TakenBody | RefusedBody | GoneBody;

export function refused(code: ProblemCode, detail: string): RefusedBody {
  return { kind: "refused", code, detail };
}

export function tooLarge(maxBytes: number): RefusedBody {
  const limit = formatBytes(maxBytes);
  return refused("body_too_large", `The body is larger than ${limit}; send its events in several requests.`);
}

export function overloaded(): RefusedBody {
  return refused("overloaded", "The collector holds as many request bodies as it has memory for; try again shortly.");
}
