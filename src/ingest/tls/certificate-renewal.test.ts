import { once } from "node:events";
import { mkdir, readlink, rename, rm, symlink, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { connect, createServer } from "node:tls";
import pino from "pino";
import { Registry } from "prom-client";
import { expect, test } from "vitest";
import type { Clock } from "../../core/clock.ts";
import { createIngestMetrics } from "../metrics.ts";
import { CertificateRenewal } from "./certificate-renewal.ts";
import { type Certificate, loadCertificate } from "./certificate.ts";
import { firstCertificate } from "./first-certificate.ts";
import { certificateFolder, EXPIRED_CERT, FIRST, SECOND } from "./tls-fixture.ts";

const DAY_MS = 86_400_000;

/** A clock whose one timer a test lets run. */
class StepClock implements Clock {
  now = Date.parse("2026-01-01T00:00:00Z");
  #due: (() => void) | undefined;

  nowMs(): number {
    return this.now;
  }
  monotonicMs(): number {
    return this.now;
  }
  after(_delayMs: number, run: () => void) {
    this.#due = run;
    return { cancel: () => (this.#due = undefined) };
  }
  /** Runs the timer, and waits until what it began has set it again. */
  async step(): Promise<void> {
    const due = this.#due;
    this.#due = undefined;
    due?.();
    while (this.#due === undefined) await sleep(1);
  }
}

/** @param before what happens to the files before the start, where `pair` was served earlier */
async function start(pair = FIRST, before?: Partial<typeof FIRST>) {
  const folder = await certificateFolder(pair);
  const earlier = before && (await loadCertificate(folder.config));
  await folder.write(before ?? {});
  const clock = new StepClock();
  const lines: { level: number; msg: string }[] = [];
  const log = pino({}, { write: (line: string) => lines.push(JSON.parse(line)) });
  const kept: string[] = [];
  const handover = { earlier, keep: ({ cert }: Certificate) => kept.push(cert) };
  const first = await firstCertificate(folder.config, handover, log);
  const server = createServer({ cert: first.certificate.cert, key: first.certificate.key });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const registry = new Registry();
  const metrics = createIngestMetrics(registry);
  const { config } = folder;
  const renewal = new CertificateRenewal({ server, config, first, onRenewed: handover.keep, metrics, clock, log });
  const client = async () => {
    const socket = connect({
      port: (server.address() as AddressInfo).port,
      host: "127.0.0.1",
      rejectUnauthorized: false,
    });
    await once(socket, "secureConnect");
    return socket;
  };
  return {
    folder,
    clock,
    registry,
    kept,
    client,
    messages: () => lines.map(({ msg }) => msg),
    /** Which certificate a new connection gets. */
    async served(): Promise<"first" | "second" | "other"> {
      const socket = await client();
      const { fingerprint256 } = socket.getPeerX509Certificate() ?? {};
      socket.destroy();
      if (fingerprint256 === undefined) return "other";
      return fingerprint256 === (await fingerprintOf(FIRST.cert)) ? "first" : "second";
    },
    async [Symbol.asyncDispose]() {
      renewal.stop();
      server.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

async function fingerprintOf(cert: string): Promise<string> {
  const { X509Certificate } = await import("node:crypto");
  return new X509Certificate(cert).fingerprint256;
}

test("a new certificate is served once its files have stayed the same, and open connections keep theirs", async () => {
  await using it = await start();
  const before = await it.client();
  await it.folder.write(SECOND);
  await it.clock.step();
  expect(await it.served()).toBe("first");
  await it.clock.step();
  expect(await it.served()).toBe("second");
  expect(it.messages()).toEqual(["a new TLS certificate is in force"]);
  expect(before.destroyed).toBe(false);
  before.destroy();
});

test("a certificate whose key comes later is not taken for a failure", async () => {
  await using it = await start();
  await it.folder.write({ cert: SECOND.cert });
  await it.clock.step();
  await it.folder.write({ key: SECOND.key });
  await it.clock.step();
  await it.clock.step();
  expect(await it.served()).toBe("second");
  expect(it.messages()).toEqual(["a new TLS certificate is in force"]);
});

test("files that are replaced by renaming others over them are found", async () => {
  await using it = await start();
  for (const [name, text] of [
    ["cert.pem", SECOND.cert],
    ["key.pem", SECOND.key],
  ] as const) {
    await writeFile(path.join(it.folder.dir, "new"), text);
    await rename(path.join(it.folder.dir, "new"), path.join(it.folder.dir, name));
  }
  await it.clock.step();
  await it.clock.step();
  expect(await it.served()).toBe("second");
});

test("links that are swapped on the way to the files are found, as Kubernetes does", async () => {
  await using it = await start();
  const { dir } = it.folder;
  for (const [version, pair] of [
    ["v1", FIRST],
    ["v2", SECOND],
  ] as const) {
    await mkdir(path.join(dir, version));
    await writeFile(path.join(dir, version, "cert.pem"), pair.cert);
    await writeFile(path.join(dir, version, "key.pem"), pair.key);
  }
  await symlink("v1", path.join(dir, "..data"));
  for (const name of ["cert.pem", "key.pem"]) {
    await rm(path.join(dir, name));
    await symlink(path.join("..data", name), path.join(dir, name));
  }
  await it.clock.step();
  await symlink("v2", path.join(dir, "..new"));
  await rename(path.join(dir, "..new"), path.join(dir, "..data"));
  expect(await readlink(path.join(dir, "cert.pem"))).toBe("..data/cert.pem");
  await it.clock.step();
  await it.clock.step();
  expect(await it.served()).toBe("second");
});

test("a pair that does not fit is refused once, and the old one stays until a good one comes", async () => {
  await using it = await start();
  await it.folder.write({ cert: SECOND.cert });
  for (let looks = 0; looks < 4; looks++) await it.clock.step();
  expect(await it.served()).toBe("first");
  expect(it.messages()).toEqual(["the new TLS certificate is refused; the old one stays in force"]);
  await it.folder.write({ key: SECOND.key });
  await it.clock.step();
  await it.clock.step();
  expect(await it.served()).toBe("second");
});

test("files that are gone for a while leave the certificate in force", async () => {
  await using it = await start();
  await rm(it.folder.config.cert);
  for (let looks = 0; looks < 3; looks++) await it.clock.step();
  expect(await it.served()).toBe("first");
  expect(it.messages()).toEqual(["the new TLS certificate is refused; the old one stays in force"]);
  await it.folder.write(FIRST);
  await it.clock.step();
  await it.clock.step();
  expect(await it.served()).toBe("first");
});

test("every certificate in force is handed over, and none that is refused", async () => {
  await using it = await start();
  for (const pair of [{ key: "no key" }, SECOND]) {
    await it.folder.write(pair);
    await it.clock.step();
    await it.clock.step();
  }
  expect(it.kept).toEqual([FIRST.cert, SECOND.cert]);
});

test.each([
  ["hold another key", { key: SECOND.key }],
  ["hold nothing", { cert: "", key: "" }],
])("where the files %s at a restart, what was served earlier is, until a good pair comes", async (_what, broken) => {
  await using it = await start(FIRST, broken);
  for (let looks = 0; looks < 3; looks++) await it.clock.step();
  expect(await it.served()).toBe("first");
  expect(it.messages()).toEqual(["the new TLS certificate is refused; the old one stays in force"]);
  expect(it.kept).toEqual([]);
  await it.folder.write(SECOND);
  await it.clock.step();
  await it.clock.step();
  expect(await it.served()).toBe("second");
});

test("a certificate in its last two weeks is warned of every day, and its time is in the metrics", async () => {
  await using it = await start({ cert: EXPIRED_CERT, key: FIRST.key });
  expect(it.messages()).toEqual([expect.stringContaining("has expired")]);
  await it.clock.step();
  expect(it.messages()).toHaveLength(1);
  it.clock.now += DAY_MS;
  await it.clock.step();
  expect(it.messages()).toHaveLength(2);
  expect(await it.registry.metrics()).toContain(
    `millrace_tls_certificate_expiry_seconds ${Date.parse("2021-01-01T00:00:00Z") / 1_000}`,
  );
});

test("a certificate that expires in thirteen days is warned of, and one with fifteen left is not", async () => {
  await using it = await start();
  const expiryMs = (await loadCertificate(it.folder.config)).expiresMs;
  it.clock.now = expiryMs - 15 * DAY_MS;
  await it.clock.step();
  expect(it.messages()).toEqual([]);
  it.clock.now = expiryMs - 13 * DAY_MS;
  await it.clock.step();
  expect(it.messages()).toEqual([expect.stringContaining("expires soon")]);
});
