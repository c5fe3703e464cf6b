import { execFile } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdir, rename, writeFile } from "node:fs/promises";
import path from "node:path";
import { connect } from "node:tls";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { FIRST, SECOND } from "../../src/ingest/tls/tls-fixture.ts";
import { CollectorProcess, temporaryDir } from "../kit/collector-process.ts";
import { waitFor } from "../kit/wait-for.ts";

const run = promisify(execFile);

const YAML = `listen: { host: 127.0.0.1, port: 0, tls: { cert: tls/cert.pem, key: tls/key.pem } }
workers: 2
journal: { dir: ./journal }
quarantine: { dir: ./quarantine }
deadLetters: { dir: ./dead-letters }
sources: [{ name: web, keys: [wk_test] }]
sinks: [{ name: files, type: file, dir: ./events, batch: { maxAgeMs: 20 } }]
`;

async function hasCommand(name: string): Promise<boolean> {
  return run("which", [name]).then(
    () => true,
    () => false,
  );
}

const hasCurl = await hasCommand("curl");
const hasH2load = await hasCommand("h2load");

async function start(dir: string): Promise<CollectorProcess> {
  await mkdir(path.join(dir, "tls"));
  await writeFile(path.join(dir, "tls/cert.pem"), FIRST.cert);
  await writeFile(path.join(dir, "tls/key.pem"), FIRST.key);
  return CollectorProcess.start(dir, YAML);
}

/** The certificate that a new connection gets. */
async function served(port: number): Promise<string> {
  const socket = connect({ port, host: "127.0.0.1", rejectUnauthorized: false });
  await once(socket, "secureConnect");
  const certificate = socket.getPeerX509Certificate();
  socket.destroy();
  return certificate?.fingerprint256 ?? "";
}

test.skipIf(!hasCurl)("curl sends events over HTTP/1.1 and HTTP/2 (skipped without curl)", async () => {
  await using dir = await temporaryDir();
  await using collector = await start(dir.path);
  const url = `https://127.0.0.1:${collector.port}/v1/events?key=wk_test`;
  const event = ["--json", '{"type":"page.viewed"}', "--cacert", path.join(dir.path, "tls/cert.pem")];
  const report = ["--silent", "--output", "/dev/null", "--write-out", "%{http_version} %{response_code}"];
  expect((await run("curl", ["--http1.1", ...event, ...report, url])).stdout).toBe("1.1 201");
  expect((await run("curl", ["--http2", ...event, ...report, url])).stdout).toBe("2 201");
  const ledger = await collector.settled();
  expect([ledger.balanced, ledger.accepted]).toEqual([true, { web: 2 }]);
});

test.skipIf(!hasH2load)("under load over HTTP/2 every event is taken once (skipped without h2load)", async () => {
  await using dir = await temporaryDir();
  await using collector = await start(dir.path);
  const body = path.join(dir.path, "event.json");
  await writeFile(body, '{"type":"page.viewed"}');
  const url = `https://127.0.0.1:${collector.port}/v1/events?key=wk_test`;
  const load = ["-n", "20000", "-c", "20", "-m", "50", "-d", body, "-H", "content-type: application/json"];
  const { stdout } = await run("h2load", [...load, url]);
  expect(stdout).toContain("status codes: 20000 2xx, 0 3xx, 0 4xx, 0 5xx");
  const ledger = await collector.settled();
  expect([ledger.balanced, ledger.accepted]).toEqual([true, { web: 20_000 }]);
});

test("a certificate that is replaced is served by every worker, without a restart", { timeout: 60_000 }, async () => {
  await using dir = await temporaryDir();
  await using collector = await start(dir.path);
  const [first, second] = [FIRST, SECOND].map(({ cert }) => new X509Certificate(cert).fingerprint256);
  expect(await served(collector.port)).toBe(first);
  const before = await collector.workers();
  for (const [name, text] of [
    ["cert.pem", SECOND.cert],
    ["key.pem", SECOND.key],
  ] as const) {
    await writeFile(path.join(dir.path, "tls/new"), text);
    await rename(path.join(dir.path, "tls/new"), path.join(dir.path, "tls", name));
  }
  await waitFor(async () => {
    const certificates = await Promise.all(Array.from({ length: 20 }, () => served(collector.port)));
    return certificates.every((certificate) => certificate === second);
  }, 30_000);
  expect(await collector.workers()).toEqual(before);
});

test(
  "files that become invalid cost nothing when a worker dies: its replacement serves what was served before",
  { timeout: 60_000 },
  async () => {
    await using dir = await temporaryDir();
    await using collector = await start(dir.path);
    await writeFile(path.join(dir.path, "tls/cert.pem"), "");
    const before = await collector.workers();
    for (const { pid } of before) if (pid !== undefined) process.kill(pid, "SIGKILL");
    await waitFor(async () => {
      const workers = await collector.workers();
      return workers.every(({ state, restarts }) => state === "ready" && restarts === 1);
    });
    expect(await served(collector.port)).toBe(new X509Certificate(FIRST.cert).fingerprint256);
    expect(collector.output).toContain("the new TLS certificate is refused; the old one stays in force");
    expect(collector.output).not.toContain(FIRST.key.split("\n")[1]);
  },
);

test("a certificate without its key is told before anything starts", async () => {
  await using dir = await temporaryDir();
  await mkdir(path.join(dir.path, "tls"));
  await writeFile(path.join(dir.path, "tls/cert.pem"), FIRST.cert);
  await writeFile(path.join(dir.path, "tls/key.pem"), SECOND.key);
  await expect(CollectorProcess.start(dir.path, YAML)).rejects.toThrow(/exit code 3[^]*is for another key/);
});
