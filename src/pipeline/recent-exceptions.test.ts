import { expect, test } from "vitest";
import { RecentExceptions } from "./recent-exceptions.ts";
import { STANDING } from "./standing.ts";

test("what was not delivered is remembered, and neighbours take one place", () => {
  const recent = new RecentExceptions(100, 2);
  for (let position = 100; position < 200; position++) recent.add(position, 1, STANDING.filtered);
  recent.add(200, 50, STANDING.lost);
  recent.add(300, 1, STANDING.deadLettered);
  const standings = [99, 100, 199, 200, 249, 250, 300, 301].map((position) => recent.standingOf(position));
  const { forgotten, filtered, lost, delivered, deadLettered } = STANDING;
  expect(standings).toEqual([forgotten, filtered, filtered, lost, lost, delivered, deadLettered, delivered]);
});

test("below the oldest remembered exception nothing is claimed", () => {
  const recent = new RecentExceptions(0, 10);
  for (let position = 0; position < 1_000; position += 2) recent.add(position, 1, STANDING.deadLettered);
  expect(recent.standingOf(0)).toBe(STANDING.forgotten);
  expect(recent.standingOf(1)).toBe(STANDING.forgotten);
  for (let position = 980; position < 1_000; position += 2) {
    expect(recent.standingOf(position)).toBe(STANDING.deadLettered);
    expect(recent.standingOf(position + 1)).toBe(STANDING.delivered);
  }
});
