import { expect, test } from "vitest";
import { readAnswer } from "./read-answer.ts";

const accepted = { index: 0, status: "accepted" };
const rejected = {
  index: 1,
  status: "rejected",
  code: "type",
  problems: [{ code: "type", pointer: "/data/total", message: "It must be a number." }],
};

function read(status: number, body: unknown = "", events = 2) {
  return readAnswer({ status, body: typeof body === "string" ? body : JSON.stringify(body) }, events);
}

test("201 is a yes for all", () => {
  expect(read(201)).toEqual({ kind: "taken", rejected: new Map(), isConfirmed: true });
});

test("202 is a yes that the sinks have not confirmed", () => {
  expect(read(202, { delivery: "pending" })).toMatchObject({ kind: "taken", isConfirmed: false });
});

test("207 takes some and says what is wrong with the others", () => {
  expect(read(207, { results: [accepted, rejected] })).toEqual({
    kind: "taken",
    rejected: new Map([[1, rejected.problems]]),
    isConfirmed: true,
  });
});

test("an event whose problems are no longer told has its code", () => {
  const bare = { index: 1, status: "rejected", code: "required" };
  expect(read(207, { results: [accepted, bare] })).toMatchObject({ rejected: new Map([[1, [{ code: "required" }]]]) });
});

test.each([["{}"], ['{"results":[]}'], ['{"resul'], [""], ['{"results":[1,2]}'], ['{"results":[{},{}]}']])(
  "207 that does not tell of each event, as %j, takes none for certain",
  (body) => {
    expect(read(207, body)).toMatchObject({ kind: "again", code: "answer_unreadable" });
  },
);

test("400 events_invalid rejects every event, and no other 400 does", () => {
  const both = { code: "events_invalid", results: [rejected, rejected] };
  expect(read(400, both)).toMatchObject({ kind: "taken", rejected: { size: 2 } });
  expect(read(400, { code: "invalid_json", detail: "Line 1" })).toEqual({
    kind: "refused",
    code: "invalid_json",
    message: "Line 1",
  });
});

test.each([
  [400, "body_incomplete", "again"],
  [400, "ack_unavailable", "refused"],
  [401, "unknown_key", "refused"],
  [403, "protocol_disabled", "refused"],
  [408, "request_timeout", "again"],
  [413, "body_too_large", "split"],
  [413, "too_many_events", "split"],
  [413, "inflate_ratio_exceeded", "uncompressed"],
  [429, "quota_exceeded", "again"],
  [500, "internal_error", "again"],
  [503, "draining", "again"],
])("%d %s is %s", (status, code, kind) => {
  expect(read(status, { code, title: "" })).toMatchObject({ kind, code });
});

test.each([
  [0, "refused"],
  [301, "refused"],
  [404, "refused"],
  [502, "again"],
  [504, "again"],
])("%d from what is no collector is %s", (status, kind) => {
  expect(read(status, "<html>")).toMatchObject({ kind, code: `http_${status}` });
});

test("what is too large though it is one event is refused", () => {
  expect(read(413, { code: "body_too_large" }, 1)).toMatchObject({ kind: "refused" });
});
