import { expect, test } from "vitest";
import { ALL_TIME } from "../replay/time-range.ts";
import type { ArchiveFile } from "../replay/archive-file.ts";
import { fileFinder } from "./file-finder.ts";
import type { Finder, Finding } from "./finder.ts";
import { isWithin, searchFinder } from "./search-finder.ts";

const HOUR_MS = 3_600_000;

async function allOf(finder: Finder, id: string): Promise<Finding[]> {
  const found: Finding[] = [];
  for await (const finding of finder.find(id, () => {})) found.push(finding);
  return found;
}

function eventOf(id: string, data = "{}"): string {
  return `{"id":"${id}","type":"t","source":"web","data":${data},"receivedtime":"2026-11-23T07:00:00.000Z"}`;
}

/** Files by hour, and which of them were opened, in order. */
function archiveOf(files: Record<number, string>) {
  const opened: number[] = [];
  const all = Object.entries(files).map(([hour, text]): ArchiveFile => {
    const bytes = Buffer.from(text);
    return {
      path: `dt=x/hour=${hour}/node-0.ndjson`,
      name: `file-${hour}`,
      bytes: bytes.length,
      hour: Number(hour),
      async *chunks(onBytes) {
        opened.push(Number(hour));
        onBytes(bytes.length);
        yield bytes;
      },
      range: () => Promise.reject(new Error("not for NDJSON")),
    };
  });
  return { opened, finder: fileFinder({ name: "files", sink: "files", files: async () => all }) };
}

test("an event is found by its very id, with its line, and not where the id only stands", async () => {
  const text = [eventOf("b", '{"ref":"a"}'), "damaged a", eventOf("a"), eventOf("aa")].join("\n");
  const { finder } = archiveOf({ 5: `${text}\n` });
  expect(await allOf(finder, "a")).toEqual([
    { in: "archive", sink: "files", at: "file-5:3", received: "2026-11-23T07:00:00.000Z", event: eventOf("a") },
  ]);
  expect(await allOf(finder, "ref")).toEqual([]);
});

test("newest files are looked through first; the hour that an id tells before them", async () => {
  const hour = Math.floor(Date.parse("2026-11-23T07:30:00Z") / HOUR_MS);
  const files = Object.fromEntries([-3, -1, 0, 1, 5].map((offset) => [hour + offset, ""]));
  const plain = archiveOf(files);
  await allOf(plain.finder, "order-1");
  expect(plain.opened.map((at) => at - hour)).toEqual([5, 1, 0, -1, -3]);
  const timed = archiveOf(files);
  const digits = (hour * HOUR_MS + 1).toString(16).padStart(12, "0");
  await allOf(timed.finder, `${digits.slice(0, 8)}-${digits.slice(8)}-7abc-8abc-0123456789ab`);
  expect(timed.opened.map((at) => at - hour)).toEqual([0, 1, -1, -3, 5]);
});

test("a search engine is asked by document id and field, and what it has is told digit by digit", async () => {
  const asked: unknown[] = [];
  const source = '{"id":"a","data":{"n":12345678901234567890},"receivedtime":"2026-11-23T07:00:00.000Z"}';
  const finder = searchFinder({
    name: "search",
    type: "opensearch",
    sink: "search",
    search: async (body) => {
      asked.push(JSON.parse(body.toString()));
      return { body: Buffer.from(`{"hits":{"hits":[{"_index":"events-1","_id":"a","_source":${source}}]}}`) };
    },
  });
  expect(await allOf(finder, "a")).toEqual([
    { in: "opensearch", sink: "search", at: "events-1/a", received: "2026-11-23T07:00:00.000Z", event: source },
  ]);
  expect(asked).toMatchObject([{ query: { bool: { should: expect.arrayContaining([{ ids: { values: ["a"] } }]) } } }]);
  const search = async () => ({ problem: "503: no shard is available" });
  const down = searchFinder({ name: "search", type: "opensearch", sink: "search", search });
  await expect(allOf(down, "a")).rejects.toThrow("no shard");
});

test("what is found is within the range, or does not tell its time", () => {
  expect(isWithin("2026-11-23T07:00:00Z", ALL_TIME)).toBe(true);
  expect(isWithin("2026-11-23T07:00:00Z", { ...ALL_TIME, untilMs: 0 })).toBe(false);
  expect(isWithin(undefined, { sinceMs: 0, untilMs: 0 })).toBe(true);
});
