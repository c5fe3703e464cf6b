import { expect, test } from "vitest";
import { endOfHourMs, folderOf, hourOf, hourOfFolder } from "../../formats/hour-folders.ts";
import { finalName, parseName, partialName } from "./layout.ts";

const name = {
  writer: "node-1-0",
  firstPosition: 42,
  uuid: "0190a7c8-1111-4222-8333-444455556666",
  format: "ndjson",
  compression: "gzip",
} as const;

test("an event is filed under the UTC day and hour in which it was received", () => {
  const receivedMs = Date.parse("2026-11-23T23:59:59.999Z");
  expect(folderOf(hourOf(receivedMs))).toBe("dt=2026-11-23/hour=23");
  expect(folderOf(hourOf(receivedMs + 1))).toBe("dt=2026-11-24/hour=00");
  expect(endOfHourMs(hourOf(receivedMs))).toBe(receivedMs + 1);
  expect(hourOfFolder("dt=2026-11-23", "hour=23")).toBe(hourOf(receivedMs));
});

test("names are read back as they were made", () => {
  expect(finalName(name)).toBe("node-1-0-000000000042-0190a7c8-1111-4222-8333-444455556666.ndjson.gz");
  const parquet = { ...name, format: "parquet", compression: "none" } as const;
  expect(finalName(parquet)).toBe("node-1-0-000000000042-0190a7c8-1111-4222-8333-444455556666.parquet");
  expect(parseName(partialName(parquet), "node-1-0")).toEqual({ name: parquet, partial: true });
  for (const compression of ["none", "gzip", "zstd"] as const) {
    expect(parseName(finalName({ ...name, compression }), "node-1-0")).toEqual({
      name: { ...name, compression },
      partial: false,
    });
    expect(parseName(partialName({ ...name, compression }), "node-1-0")?.partial).toBe(true);
  }
});

test("files and folders of others are not taken for ours", () => {
  const ours = finalName(name);
  const others = [`.${ours}`, `${ours}.partial`, `${ours}.tmp`, `x${ours}`, "_SUCCESS", "events.ndjson"];
  expect(others.filter((other) => parseName(other, "node-1-0") !== undefined)).toEqual([]);
  expect(parseName(ours, "node-1")).toBeUndefined();
  expect(parseName(ours, "1-0")).toBeUndefined();
  expect(hourOfFolder("dt=2026-13-99", "hour=07")).toBeUndefined();
  expect(hourOfFolder("dt=2026-11-23", "hour=7")).toBeUndefined();
});
