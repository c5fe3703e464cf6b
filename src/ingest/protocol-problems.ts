import type { Problem } from "./problems.ts";

/** What is answered before anyone looks at what a request asks for. */

export const CONNECT_REFUSED: Problem = {
  code: "method_not_allowed",
  detail: "This is not a proxy: CONNECT is not allowed.",
  headers: ["Allow", "POST, OPTIONS"],
};

export const EXPECTATION_FAILED: Problem = {
  code: "expectation_failed",
  detail: "The only expectation that can be met is `Expect: 100-continue`. Leave the Expect header out.",
};

export const REQUEST_TIMEOUT: Problem = {
  code: "request_timeout",
  detail: "The request did not arrive in time. Send it again, in smaller parts if the line is slow.",
};

export const INCOMPLETE: Problem = {
  code: "body_incomplete",
  detail: "The connection was closed for sending before the whole body had come. Nothing of it is kept; send it again.",
};

export const DRAINING: Problem = {
  code: "draining",
  detail:
    "This collector is shutting down and has not taken the request. Send it again: on a new connection another one will answer.",
  retryAfterSeconds: 1,
};

export function headersTooLarge(maxHeaderBytes: number): Problem {
  return {
    code: "headers_too_large",
    detail: `The request's header is larger than ${maxHeaderBytes} bytes. Send fewer or shorter headers, such as cookies, or a shorter URL.`,
  };
}
