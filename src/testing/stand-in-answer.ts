import type { ServerResponse } from "node:http";
import type { CallFailure } from "./kinesis-faults.ts";

export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly contentType?: string;
}

/** Makes a call go wrong in the given way; `commit` stores its records and makes the reply it should have had. */
export function fail(response: ServerResponse, kind: CallFailure, commit: () => Answer): void {
  switch (kind) {
    case "throttled":
      return send(response, failure(400, "ProvisionedThroughputExceededException", "Rate exceeded"));
    case "internal-failure":
      return send(response, failure(500, "InternalFailure", "The request processing has failed."));
    case "unavailable":
      return send(response, failure(503, "ServiceUnavailable", "Service is unable to handle request."));
    case "access-denied":
      return send(
        response,
        failure(400, "AccessDeniedException", "User is not authorized to perform: kinesis:PutRecords"),
      );
    case "bad-gateway":
      return send(response, { status: 502, body: "<html>502 Bad Gateway</html>", contentType: "text/html" });
    case "reset-before-commit":
      response.socket?.resetAndDestroy();
      return;
    case "reset-after-commit":
      commit();
      response.socket?.resetAndDestroy();
      return;
    case "hang-after-commit":
      commit();
      return;
    case "empty-reply":
      commit();
      return send(response, { status: 200, body: "" });
    case "truncated-reply": {
      const { status, body } = commit();
      return send(response, { status, body: body.slice(0, Math.floor(body.length / 2)) });
    }
    case "hang":
      return;
  }
}

/** Sends the answer and ends the call. */
export function send(response: ServerResponse, answer: Answer): void {
  response.writeHead(answer.status, {
    "content-type": answer.contentType ?? "application/x-amz-json-1.1",
    "content-length": Buffer.byteLength(answer.body),
  });
  response.end(answer.body);
}

export function success(reply: object): Answer {
  return { status: 200, body: JSON.stringify(reply) };
}

/** An error as the service writes it. */
export function failure(status: number, code: string, message: string): Answer {
  return { status, body: JSON.stringify({ __type: code, message }) };
}
