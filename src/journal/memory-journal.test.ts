import { expect, test } from "vitest";
import { draftOf, readAll } from "./journal-fixture.ts";
import { createMemoryJournal } from "./memory-journal.ts";

test("a reader from an earlier journal is at the end at once, however far positions have jumped", async () => {
  const journal = createMemoryJournal({ slot: "0", maxBytes: 1_000_000, first: 1_000_000_000 });
  const reader = journal.reader(7);
  expect(await reader.read(10, 1_000)).toEqual([]);
  expect(reader.position).toBe(journal.end);
  await journal.append([draftOf("a")], "written");
  expect((await readAll(journal, reader)).map(({ id, position }) => [id, position])).toEqual([["a", 1_000_000_000]]);
});
