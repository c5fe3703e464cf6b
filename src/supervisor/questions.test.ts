import { expect, test } from "vitest";
import { systemClock } from "../core/clock.ts";
import type { QuestionMessage } from "./messages.ts";
import { Questions } from "./questions.ts";

const LONG_MS = 600_000;

/** A channel on which nothing arrives by itself. */
class Outlet {
  readonly posted: QuestionMessage[] = [];
  unsent = 0;

  post(message: QuestionMessage): Promise<void> {
    this.posted.push(message);
    return Promise.resolve();
  }
}

function start() {
  const outlet = new Outlet();
  return { outlet, questions: new Questions(outlet, systemClock) };
}

async function settle(promises: readonly Promise<unknown>[]): Promise<string[]> {
  const results = await Promise.allSettled(promises);
  return results.map((result) => (result.status === "fulfilled" ? "answered" : String(result.reason)));
}

test("answers find their questions in whatever order they come", async () => {
  const { questions } = start();
  const asked = [questions.ask("a", LONG_MS), questions.ask("b", LONG_MS)];
  questions.hear({ kind: "answer", id: 1, answer: "to b" });
  questions.hear({ kind: "answer", id: 0, answer: "to a" });
  expect(await Promise.all(asked)).toEqual(["to a", "to b"]);
});

test("an answer that comes too late, or to no question, is ignored", async () => {
  const { questions } = start();
  await expect(questions.ask("a", 1)).rejects.toThrow("no answer within 1 ms");
  questions.hear({ kind: "answer", id: 0, answer: "late" });
  questions.hear({ kind: "refusal", id: 99, reason: "what?" });
});

test("questions beyond a thousand are refused on both sides", async () => {
  const { outlet, questions } = start();
  const asked = Array.from({ length: 1_001 }, (_, id) => questions.ask(id, LONG_MS));
  for (let id = 0; id < 1_001; id++) questions.hear({ kind: "ask", id, question: id });
  expect(outlet.posted.filter(({ kind }) => kind === "refusal")).toEqual([
    { kind: "refusal", id: 1_000, reason: "too many questions at a time" },
  ]);
  questions.close("it is over");
  const settled = await settle(asked);
  expect(settled.filter((each) => each === "Error: it is over")).toHaveLength(1_000);
  expect(settled.at(-1)).toBe("Error: more than 1000 questions wait for an answer");
});

test("nothing is asked while a thousand messages wait to be read", async () => {
  const { outlet, questions } = start();
  outlet.unsent = 1_000;
  await expect(questions.ask("a", LONG_MS)).rejects.toThrow("more than 1000 questions");
  expect(outlet.posted).toEqual([]);
});

test("what was asked before there was a handler is answered in order once there is one", async () => {
  const { outlet, questions } = start();
  for (const id of [0, 1]) questions.hear({ kind: "ask", id, question: `q${id}` });
  expect(outlet.posted).toEqual([]);
  questions.answerWith((question) => Promise.resolve(`${String(question)}!`));
  await new Promise((resolve) => setImmediate(resolve));
  expect(outlet.posted).toEqual([
    { kind: "answer", id: 0, answer: "q0!" },
    { kind: "answer", id: 1, answer: "q1!" },
  ]);
});

test("after the end nothing can be asked", async () => {
  const { questions } = start();
  questions.close("it is over");
  await expect(questions.ask("a", LONG_MS)).rejects.toThrow("it is over");
});
