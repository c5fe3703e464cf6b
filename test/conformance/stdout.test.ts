import { Writable } from "node:stream";
import { stdoutConfig } from "../../src/sinks/stdout/config.ts";
import { createStdoutSink } from "../../src/sinks/stdout/sink.ts";
import { describeSinkConformance } from "./sink-conformance.ts";

describeSinkConformance("stdout", async () => {
  const chunks: Buffer[] = [];
  let stalled = false;
  const output = new Writable({
    write(chunk: Buffer, _encoding, done) {
      if (stalled) return;
      chunks.push(chunk);
      // As a pipe does: the bytes are taken later.
      setImmediate(done);
    },
  });
  const config = stdoutConfig.parse({
    name: "stdout",
    type: "stdout",
    timeoutMs: 100,
    batch: { maxEvents: 200, maxBytes: "256KiB" },
  });
  const sink = createStdoutSink(config, output);
  return {
    sink,
    delivered: async () => {
      const lines = Buffer.concat(chunks).toString("latin1").split("\n");
      if (lines.pop() !== "") throw new Error("the last line has no end");
      return lines.map((line) => Buffer.from(line, "latin1"));
    },
    countedBytes: async () => Buffer.concat(chunks).length,
    breakDestination: async () => {
      output.destroy(Object.assign(new Error("write EPIPE"), { code: "EPIPE" }));
    },
    stallDestination: async () => {
      stalled = true;
    },
    [Symbol.asyncDispose]: () => sink.close(),
  };
});
