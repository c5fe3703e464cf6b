import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { Writable } from "node:stream";
import { expect, test } from "vitest";
import type { CollectedEvent } from "../../core/event.ts";
import { stdoutConfig } from "./config.ts";
import { createStdoutSink } from "./sink.ts";

test("a reader that goes away makes writes retryable; the process lives on", async () => {
  const child = spawn(
    process.execPath,
    [
      "--input-type=module",
      "-e",
      `
        import { stdoutConfig } from "${import.meta.dirname}/config.ts";
        import { createStdoutSink } from "${import.meta.dirname}/sink.ts";
        const sink = createStdoutSink(stdoutConfig.parse({ name: "out", type: "stdout" }));
        const batch = [{ position: 0, id: "id", type: "t", source: "web", receivedMs: 0, bytes: Buffer.from("{}") }];
        const first = await sink.write(batch, new AbortController().signal);
        await new Promise((resolve) => process.stdin.once("data", resolve));
        const second = await sink.write(batch, new AbortController().signal);
        console.error(JSON.stringify({ first, second, problems: await sink.check() }));
        await sink.close();
        process.stdin.destroy();
      `,
    ],
    { stdio: ["pipe", "pipe", "pipe"] },
  );
  const report = text(child.stderr);
  const exit = once(child, "exit");
  const [line] = await once(child.stdout, "data");
  expect(String(line)).toBe("{}\n");
  child.stdout.destroy();
  await once(child.stdout, "close");
  child.stdin.write("go");
  expect(JSON.parse(await report)).toEqual({
    first: { kind: "delivered" },
    second: { kind: "retryable", reason: "EPIPE: nobody reads it any more" },
    problems: [expect.stringContaining("Sink out cannot print (EPIPE: nobody reads it any more)")],
  });
  expect((await exit)[0]).toBe(0);
});

test("while the reader is slow, one batch at most is with the stream, however often writes are aborted and retried", async () => {
  const taken: { readonly chunk: Buffer; readonly done: () => void }[] = [];
  const output = new Writable({ write: (chunk: Buffer, _encoding, done) => void taken.push({ chunk, done }) });
  const sink = createStdoutSink(stdoutConfig.parse({ name: "out", type: "stdout" }), output);
  for (let attempt = 0; attempt < 5; attempt++) {
    const abort = new AbortController();
    const write = sink.write([event(attempt)], abort.signal);
    abort.abort();
    expect(await write).toEqual({ kind: "retryable", reason: "aborted" });
  }
  const last = sink.write([event(5)], new AbortController().signal);
  expect(taken.map(({ chunk }) => String(chunk))).toEqual(["0\n"]);
  expect(output.writableLength).toBe(2);
  taken[0]?.done();
  while (taken.length < 2) await new Promise(setImmediate);
  taken[1]?.done();
  expect(await last).toEqual({ kind: "delivered" });
  expect(taken.map(({ chunk }) => String(chunk))).toEqual(["0\n", "5\n"]);
  await sink.close();
});

function event(position: number): CollectedEvent {
  return { position, id: "id", type: "t", source: "web", receivedMs: 0, bytes: Buffer.from(String(position)) };
}
