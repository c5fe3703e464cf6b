import * as fc from "fast-check";
import { expect, test } from "vitest";
import { type Answer, AnswerReader } from "./answer-reader.ts";

const ANSWERS: readonly (readonly [bytes: string, answer: Answer])[] = [
  ["HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n", { status: 201, body: "", keepAlive: true }],
  ["HTTP/1.1 400 Bad Request\r\ncontent-length: 5\r\n\r\nwrong", { status: 400, body: "wrong", keepAlive: true }],
  [
    "HTTP/1.1 207 Multi-Status\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n",
    { status: 207, body: "abc0123456789", keepAlive: true },
  ],
  [
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n",
    { status: 204, body: "", keepAlive: false },
  ],
];

test("an answer is read whole, however its bytes are cut", () => {
  fc.assert(
    fc.property(fc.constantFrom(...ANSWERS), fc.array(fc.nat(120)), ([bytes, answer], cuts) => {
      const reader = new AnswerReader();
      const ends = [...cuts.filter((cut) => cut < bytes.length), bytes.length].toSorted((a, b) => a - b);
      const answers = ends.map((end, index) => reader.push(Buffer.from(bytes.slice(ends[index - 1] ?? 0, end))));
      expect(answers.filter((each) => each !== undefined)).toEqual([answer]);
    }),
  );
});

test("an answer of unknown length ends with its connection, and no other does", () => {
  const reader = new AnswerReader();
  expect(reader.push(Buffer.from("HTTP/1.0 200 OK\r\n\r\nall "))).toBeUndefined();
  expect(reader.push(Buffer.from("of it"))).toBeUndefined();
  expect(reader.end()).toEqual({ status: 200, body: "all of it", keepAlive: false });
  reader.push(Buffer.from("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"));
  expect(reader.end()).toBeUndefined();
});

test("what is no HTTP answer is said to be none", () => {
  expect(() => new AnswerReader().push(Buffer.from("220 mail.example ESMTP\r\n\r\n"))).toThrow("no HTTP/1.1 answer");
});
