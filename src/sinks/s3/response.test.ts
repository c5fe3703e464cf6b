import { S3ServiceException } from "@aws-sdk/client-s3";
import { describe, expect, test } from "vitest";
import type { CollectedEvent } from "../../core/event.ts";
import { blamesIdentity, readS3Error, receiptOf } from "./response.ts";

const EVENTS: CollectedEvent[] = [3, 1, 2].map((position) => {
  return { position, id: `id-${position}`, type: "t", source: "s", receivedMs: 0, bytes: Buffer.from("{}") };
});

function errorOf(name: string, status: number, message = "words with the key web/dt=2026"): S3ServiceException {
  return new S3ServiceException({ name, message, $fault: "client", $metadata: { httpStatusCode: status } });
}

describe("the receipt", () => {
  test("is delivered when nothing failed", () => {
    expect(receiptOf(EVENTS, EVENTS, undefined)).toEqual({ kind: "delivered" });
  });

  test("is retryable when nothing is stored, with the pause that was asked for", () => {
    const failure = { reason: "SlowDown", retryAfterMs: 1_000 };
    expect(receiptOf(EVENTS, [], failure)).toEqual({ kind: "retryable", ...failure });
  });

  test("tells what is stored from what is not, in the order of the batch", () => {
    const stored = EVENTS.filter(({ position }) => position < 3);
    expect(receiptOf(EVENTS, stored, { reason: "HTTP 503" })).toEqual({
      kind: "partial",
      fates: [{ kind: "retryable", reason: "HTTP 503" }, { kind: "delivered" }, { kind: "delivered" }],
    });
  });
});

describe("an error", () => {
  test.each([
    [errorOf("AccessDenied", 403), "AccessDenied: allow the collector's role"],
    [errorOf("403", 403), "Forbidden: allow the collector's role"],
    [errorOf("NoSuchBucket", 404), "NoSuchBucket: there is no such bucket"],
    [errorOf("SlowDown", 503), "SlowDown: the service asks for fewer requests"],
    [errorOf("ConditionalRequestConflict", 409), "another attempt to store the object"],
    [errorOf("InternalError", 500, "We encountered an internal error."), 'InternalError: "We encountered'],
    [errorOf("UnknownError", 502, "UnknownError"), "HTTP 502"],
    [Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" }), "no reply from the service"],
    [new AggregateError([new Error("connect ECONNREFUSED ::1")]), "no reply from the service: connect ECONNREFUSED"],
    [Object.assign(new Error("x"), { name: "CredentialsProviderError" }), "no AWS credentials were found"],
    ["thrown", "no reply from the service: thrown"],
  ])("is told in words, with what to do: %s", (error, reason) => {
    expect(readS3Error(error).reason).toContain(reason);
  });

  test("that a person can end has one reason, whatever key it was about", () => {
    const reasons = ["web/1", "web/2"].map((key) => readS3Error(errorOf("AccessDenied", 403, `denied: ${key}`)).reason);
    expect(reasons[0]).toBe(reasons[1]);
  });

  test("brings the pause that the service asks for, up to a minute", () => {
    const asks = (seconds: string) => {
      const response = { statusCode: 503, headers: { "retry-after": seconds } };
      return readS3Error(Object.assign(errorOf("SlowDown", 503), { $response: response })).retryAfterMs;
    };
    expect([asks("2"), asks("86400"), asks("soon")]).toEqual([2_000, 60_000, undefined]);
  });

  test("about the credentials has them looked up afresh", () => {
    expect(blamesIdentity(readS3Error(errorOf("ExpiredToken", 400)))).toBe(true);
    expect(blamesIdentity(readS3Error(errorOf("AccessDenied", 403)))).toBe(false);
  });
});
