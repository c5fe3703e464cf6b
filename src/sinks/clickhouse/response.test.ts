import { expect, test } from "vitest";
import type { Receipt } from "../../core/sink.ts";
import { readInsertReply } from "./response.ts";
import { problemsOf, tableColumns } from "./table-columns.ts";

function receipt(status: number, body: string, headers: Record<string, string> = {}): Receipt {
  return readInsertReply({ status, headers, body: Buffer.from(body) }, 0);
}

/** As servers of different ages tell an exception. */
function exceptions(code: number, message: string): Receipt[] {
  return [
    receipt(500, `Code: ${code}, e.displayText() = DB::Exception: ${message}, e.what() = DB::Exception\n`),
    receipt(404, `Code: ${code}. DB::Exception: ${message}. (NAME) (version 26.5.1.1)\n`),
    receipt(500, "cut", { "x-clickhouse-exception-code": String(code) }),
  ];
}

test("200 without a body is a delivery, and nothing else is", () => {
  expect(receipt(200, "")).toEqual({ kind: "delivered" });
  expect(receipt(200, "\n", { "x-clickhouse-exception-tag": "abc" })).toEqual({ kind: "delivered" });
  expect(receipt(200, "<html>a login page</html>").kind).toBe("retryable");
  expect(receipt(204, "").kind).toBe("retryable");
});

test("an exception after the status was sent is noticed", () => {
  const late =
    "__exception__\nabc\nCode: 252. DB::Exception: Too many parts (300). (TOO_MANY_PARTS)\n23 abc\n__exception__";
  expect(receipt(200, late, { "x-clickhouse-exception-tag": "abc" })).toMatchObject({ kind: "retryable" });
  expect(receipt(200, "", { "x-clickhouse-exception-code": "241" })).toMatchObject({ kind: "retryable" });
});

test.each([6, 26, 27, 38, 41, 72, 117, 130, 131, 376, 467, 469, 675, 691])(
  "code %i blames a value, so that the batch is bisected",
  (code) => {
    for (const given of exceptions(code, "Cannot parse")) expect(given.kind).toBe("refused");
  },
);

test.each([16, 60, 81, 115, 164, 192, 193, 202, 241, 242, 243, 252, 497, 516, 1002, 99_999])(
  "code %i does not, so that events wait, and the reason says what to do",
  (code) => {
    for (const given of exceptions(code, "No")) expect(given.kind).toBe("retryable");
    const reasons = exceptions(code, "No").map((given) => (given.kind === "retryable" ? given.reason : ""));
    if (code < 1000) expect(reasons[0]).toMatch(/^ClickHouse code \d+: \w+ \w+.*: "No"$/);
  },
);

test("a bad argument blames a value only where an Enum lacks it", () => {
  expect(receipt(500, "Code: 36. DB::Exception: Unknown element 'x' for enum").kind).toBe("refused");
  expect(receipt(500, "Code: 36. DB::Exception: Bad settings").kind).toBe("retryable");
});

test("what a proxy says is retried after the pause it asks for, but for a body that is too large", () => {
  expect(receipt(503, "", { "retry-after": "3" })).toEqual({
    kind: "retryable",
    reason: "HTTP 503",
    retryAfterMs: 3_000,
  });
  expect(receipt(413, "<html>").kind).toBe("refused");
});

test("where table and columns do not match is told with what to do", () => {
  const present = tableColumns(
    Buffer.from('{"name":"id","default_kind":""}\n{"name":"day","default_kind":"MATERIALIZED"}\n'),
  );
  if (present === undefined) throw new Error("these are columns");
  expect(problemsOf(present, ["id"], "a.b")).toEqual([]);
  expect(problemsOf(present, ["id", "x", "day"], "a.b")).toEqual([
    expect.stringMatching(/a\.b has no column x: add/),
    expect.stringMatching(/computes day itself: leave/),
  ]);
  expect(problemsOf(new Map(), ["id"], "a.b")).toEqual([expect.stringMatching(/no table a\.b.*make it/)]);
  expect(tableColumns(Buffer.from("Ok."))).toBeUndefined();
});
