import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { PROBLEM_MEDIA_TYPE, PROBLEMS, type Problem, problemBody } from "../problems.ts";
import { headersTooLarge, INCOMPLETE, REQUEST_TIMEOUT } from "../protocol-problems.ts";

/** How long a broken connection stays open for its client to read why. */
const GOODBYE_MS = 1_000;

/** What to answer to bytes that node's HTTP parser refused, or that did not come in time. */
export function clientProblem(
  error: NodeJS.ErrnoException & { readonly reason?: unknown },
  maxHeaderBytes: number,
): Problem {
  switch (error.code ?? "") {
    case "HPE_HEADER_OVERFLOW":
      return headersTooLarge(maxHeaderBytes);
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return REQUEST_TIMEOUT;
    case "HPE_INVALID_EOF_STATE":
      return INCOMPLETE;
    default:
      return {
        code: "request_malformed",
        // The parser's own words, which do not quote what was sent.
        detail: `The request is not valid HTTP/1.1: ${typeof error.reason === "string" ? error.reason : error.message}.`,
      };
  }
}

/** Answers where there is no request to answer to: straight on the socket, which then ends. */
export function answerOnSocket(socket: Duplex, problem: Problem): void {
  // The parser reports again for every chunk that comes after the broken one.
  if (!socket.writable || socket.writableEnded) return;
  const { status } = PROBLEMS[problem.code];
  const body = problemBody(problem);
  let head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\nContent-Type: ${PROBLEM_MEDIA_TYPE}\r\n`;
  head += `Content-Length: ${Buffer.byteLength(body)}\r\nX-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n`;
  const headers = problem.headers ?? [];
  for (let i = 0; i + 1 < headers.length; i += 2) head += `${headers[i]}: ${headers[i + 1]}\r\n`;
  socket.end(`${head}Connection: close\r\n\r\n${body}`);
  // Closing at once would reset the connection and could overtake the answer.
  const timer = setTimeout(() => socket.destroy(), GOODBYE_MS);
  socket.once("close", () => clearTimeout(timer));
}
