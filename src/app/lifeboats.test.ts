import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { onTestFinished, test, vi } from "vitest";
import { Ledger } from "../core/ledger.ts";
import { draftOf, silent, temporaryDirectory } from "../journal/journal-fixture.ts";
import { millraceConfig } from "./config.ts";
import { Lifeboats } from "./lifeboats.ts";

/** Lifeboats in a bucket of an endpoint that accepts connections and never answers. */
async function silentBucket(): Promise<Lifeboats> {
  vi.stubEnv("AWS_ACCESS_KEY_ID", "test");
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", "test");
  const directory = temporaryDirectory();
  mkdirSync(join(directory.path, "0"));
  const server = createServer(() => {});
  onTestFinished(() => {
    vi.unstubAllEnvs();
    directory[Symbol.dispose]();
    server.close();
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as { port: number };
  const s3 = { bucket: "boats", region: "us-east-1", endpoint: `http://127.0.0.1:${port}` };
  const config = millraceConfig.parse({
    journal: { dir: directory.path },
    shutdown: { lifeboat: { s3 } },
    sources: [{ name: "web", keys: ["wk_test"] }],
    sinks: [{ name: "stream", type: "memory" }],
  });
  const lifeboats = Lifeboats.of(config, "0", silent);
  if (lifeboats === undefined) throw new Error("there are lifeboats in this configuration");
  return lifeboats;
}

test("withdrawing lifeboats from a place that does not answer ends when it is cancelled", async () => {
  const lifeboats = await silentBucket();
  const cancel = new AbortController();
  const withdrawn = lifeboats.withdraw(cancel.signal);
  await new Promise((resolve) => setTimeout(resolve, 200));
  cancel.abort();
  await withdrawn;
});

test("a withdrawal that does not end keeps no lifeboat from giving up in time", async () => {
  const lifeboats = await silentBucket();
  const ledger = new Ledger();
  ledger.open("stream");
  ledger.accept([{ ...draftOf("a"), position: 0, bytes: Buffer.from("{}") }]);
  await lifeboats.launch(ledger, 100, new Promise(() => {}));
});
