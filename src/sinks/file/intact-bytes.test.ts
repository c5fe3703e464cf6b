import { mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { CollectedEvent } from "../../core/event.ts";
import { encodeLines } from "./encode.ts";
import { intactBytes } from "../../formats/intact-bytes.ts";

let dir = "";
beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), "millrace-intact-"));
});
afterAll(() => rm(dir, { recursive: true }));

function event(position: number, text: string): CollectedEvent {
  return { position, id: "id", type: "t", source: "web", receivedMs: 0, bytes: Buffer.from(JSON.stringify(text)) };
}

async function intact(bytes: Buffer, compression: "none" | "gzip" | "zstd"): Promise<number> {
  const file = path.join(dir, "file");
  await writeFile(file, bytes);
  const handle = await open(file, "r");
  try {
    return await intactBytes(handle, compression);
  } finally {
    await handle.close();
  }
}

describe.each(["gzip", "zstd"] as const)("%s", (compression) => {
  const batches = [
    [event(0, "first"), event(1, "second")],
    // Larger than a zstd block (128 KiB), one that compresses to a run, and one that does not compress.
    [event(2, "x".repeat(400_000)), event(3, Buffer.from(Array.from({ length: 300_000 }, noise)).toString("base64"))],
    [event(4, "fifth")],
  ];

  test("wherever the file was cut, it is whole up to the last batch that is complete", async () => {
    const members = await Promise.all(batches.map((batch) => encodeLines(batch, compression)));
    const whole = Buffer.concat(members);
    const ends = members.map((_, index) => Buffer.concat(members.slice(0, index + 1)).length);
    expect(await intact(whole, compression)).toBe(whole.length);
    const cuts = [0, 1, 17, ...ends.flatMap((end) => [end - 9, end - 1, end, end + 1, end + 5, end + 21])];
    for (const cut of cuts.filter((at) => at <= whole.length)) {
      const expected = Math.max(0, ...ends.filter((end) => end <= cut));
      expect(await intact(whole.subarray(0, cut), compression), `cut at ${cut} of ${ends.join()}`).toBe(expected);
    }
  });

  test("a damaged batch and what follows it are not taken for whole", async () => {
    const members = await Promise.all(batches.map((batch) => encodeLines(batch, compression)));
    const [first = Buffer.alloc(0), second = Buffer.alloc(0)] = members;
    const whole = Buffer.concat(members);
    const flipped = Buffer.from(whole);
    flipped.writeUInt8(flipped.readUInt8(first.length + 5_000) ^ 1, first.length + 5_000);
    expect(await intact(flipped, compression)).toBe(first.length);
    const hole = Buffer.from(whole);
    hole.fill(0, first.length + second.length);
    expect(await intact(hole, compression)).toBe(first.length + second.length);
  });

  test("what another program has compressed is left alone or read, never misread", async () => {
    const foreign = compression === "gzip" ? gzipSync("{}\n") : zstdCompressSync("{}");
    expect(await intact(foreign, compression)).toBe(0);
  });
});

describe("none", () => {
  test("a torn last line is cut off, also far into the file", async () => {
    const lines = `${"x".repeat(700_000)}\n`.repeat(4);
    expect(await intact(Buffer.from(`${lines}{"torn`), "none")).toBe(lines.length);
    expect(await intact(Buffer.from("no line yet"), "none")).toBe(0);
    expect(await intact(Buffer.from(""), "none")).toBe(0);
  });

  test("blocks that power loss left empty end the file", async () => {
    expect(await intact(Buffer.from('{"a":1}\n{"b"\0\0\0\0\n{"c":1}\n'), "none")).toBe(8);
  });
});

let seed = 1;
function noise(): number {
  seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
  return (seed >> 16) & 0xff;
}
