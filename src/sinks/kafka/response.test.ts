import { NetworkError, ProtocolError, ResponseError } from "@platformatic/kafka";
import { expect, test } from "vitest";
import { answerOf, kafkaErrorInWords, readProduceAnswers } from "./response.ts";

test.each([
  [0, "appended"],
  [3, "unknown"],
  [5, "unknown"],
  [6, "unknown"],
  [7, "unknown"],
  [10, "refused"],
  [18, "refused"],
  [19, "failed"],
  [20, "unknown"],
  [29, "failed"],
  [32, "refused"],
  [45, "failed"],
  [56, "unknown"],
  [59, "failed"],
  [87, "refused"],
  [2, "refused"],
  [-1, "unknown"],
  [9_999, "failed"],
])("error %i means: %s", (code, kind) => {
  expect(answerOf(code).kind).toBe(kind);
});

test("with `key: none` a topic that asks for keys is the operator's to mend, and no record's fault", () => {
  for (const code of [87, 2]) {
    expect(answerOf(code, { keyless: true, culprits: [0] })).toEqual({
      kind: "failed",
      reason: expect.stringContaining("set `key`"),
    });
  }
  expect(answerOf(10, { keyless: true }).kind).toBe("refused");
});

test("a response that failed in part tells of each partition", () => {
  const partition = { baseOffset: 0n, logAppendTimeMs: -1n, logStartOffset: 0n, errorMessage: null };
  const response = {
    throttleTimeMs: 0,
    responses: [
      {
        name: "t",
        partitionResponses: [
          { ...partition, index: 0, errorCode: 0, recordErrors: [] },
          { ...partition, index: 1, errorCode: 6, recordErrors: [] },
          {
            ...partition,
            index: 2,
            errorCode: 87,
            recordErrors: [{ batchIndex: 4, batchIndexErrorMessage: "no key\nhere" }],
          },
        ],
      },
    ],
  };
  const answers = readProduceAnswers(new ResponseError(0, 11, { "/": [6, null] }, response));
  expect(Object.fromEntries(answers)).toEqual({
    "t:0": { kind: "appended" },
    "t:1": { kind: "unknown", reason: "NOT_LEADER_OR_FOLLOWER" },
    "t:2": { kind: "refused", fate: { kind: "rejected", reason: 'INVALID_RECORD: "no key here"' }, culprits: [4] },
  });
});

test("what is no response tells of no partition", () => {
  for (const result of [undefined, true, {}, new Error("x"), new NetworkError("Connection closed")]) {
    expect(readProduceAnswers(result).size).toBe(0);
  }
});

test("an error is told by its innermost cause, with what to do", () => {
  const inner = new ResponseError(3, 12, { "/topics/0": [29, null] }, {});
  expect(kafkaErrorInWords(new AggregateError([inner], "metadata failed"))).toBe(
    "TOPIC_AUTHORIZATION_FAILED: allow the user to write to the topic",
  );
  const refused = Object.assign(new Error("connect ECONNREFUSED 127.0.0.1:9"), { code: "ECONNREFUSED" });
  expect(kafkaErrorInWords(new NetworkError("Connection failed", { cause: refused }))).toContain("ECONNREFUSED");
  expect(kafkaErrorInWords(new ProtocolError("NOT_CONTROLLER"))).toBe("NOT_CONTROLLER");
});
