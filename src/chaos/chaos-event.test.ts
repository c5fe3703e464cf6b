import { expect, test } from "vitest";
import { seededRandom } from "../core/seeded-random.ts";
import { idOf, makeEvent, makeInvalidEvent, sightingOf } from "./chaos-event.ts";

/** As the collector writes it: the sender's members, with its own around them. */
function stored(json: string): Buffer {
  const head = '{"specversion":"1.0","source":"web","time":"2026-11-25T00:00:00.000Z",';
  const tail = ',"receivedtime":"2026-11-25T00:00:00.000Z","clientip":"127.0.0.0","collector":"chaos/1-42"}';
  return Buffer.from(`${head}${json.slice(1, -1)}${tail}`);
}

test("an event that was stored as it was sent is known again, with its place", () => {
  const random = seededRandom(1);
  for (let seq = 0; seq < 200; seq++) {
    const { json, digest } = makeEvent(seq, random);
    expect(JSON.parse(json)).toMatchObject({ id: idOf(seq), data: { n: seq } });
    expect(sightingOf(stored(json))).toEqual({ seq, digest, attributed: true, slot: "1", position: 42 });
  }
});

test.each([
  ["the version is another", '"1.0"', '"0.3"'],
  ["the source is another", '"web"', '"app"'],
  ["the source is missing", '"source":"web",', ""],
  ["something else is there too", '"source"', '"subject":"x","source"'],
])("it is noticed when of the attributes in front %s", (_, from, to) => {
  const text = stored(makeEvent(7, seededRandom(3)).json)
    .toString()
    .replace(from, to);
  expect(sightingOf(Buffer.from(text))).toMatchObject({ seq: 7, attributed: false });
});

test("whatever byte of an event changes, its digest or its number does", () => {
  const { seq, json, digest } = makeEvent(7, seededRandom(3));
  for (let at = 1; at < json.length - 1; at++) {
    const changed = `${json.slice(0, at)}${json[at] === "0" ? "1" : "0"}${json.slice(at + 1)}`;
    const sighting = sightingOf(stored(changed));
    expect(sighting.seq === seq && sighting.digest === digest, `changed at ${at}`).toBe(false);
  }
});

test("what nobody sent, and what is no JSON, has no number", () => {
  const { json } = makeEvent(7, seededRandom(3));
  const whole = stored(json);
  expect(sightingOf(whole.subarray(0, -1)).seq).toBeUndefined();
  expect(sightingOf(stored('{"id":"8f1c6a52-7d0b-4f0e-9d53-0d2f6a1e4b11","type":"x"}')).seq).toBeUndefined();
  expect(sightingOf(Buffer.from("{}"))).toMatchObject({ seq: undefined, excerpt: "{}" });
});

test("an invalid event carries its number, so that it is known if it is stored", () => {
  expect(sightingOf(stored(makeInvalidEvent(9))).seq).toBe(9);
});
