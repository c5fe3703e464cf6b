import { execFile, spawn } from "node:child_process";
import { createServer } from "node:https";
import { once } from "node:events";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { FIRST } from "../../src/ingest/tls/tls-fixture.ts";
import { httpConfig } from "../../src/sinks/http/config.ts";
import { createHttpSink } from "../../src/sinks/http/sink.ts";
import { sampleEvents } from "../conformance/sink-conformance.ts";
import { temporaryDir } from "../kit/collector-process.ts";
import { programOf } from "../kit/debian-package.ts";
import { freePort } from "../kit/free-port.ts";
import { HttpReceiver } from "../kit/http-receiver.ts";
import { installOnce } from "../kit/test-cache.ts";

const run = promisify(execFile);
const { signal } = new AbortController();

const LIBRARY_VERSION = "1.1.0";
const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

function sinkFor(url: string, change: object = {}) {
  const sink = createHttpSink(httpConfig.parse({ name: "hook", type: "http", url, ...change }));
  return { sink, [Symbol.asyncDispose]: () => sink.close() };
}

/** The library of Standard Webhooks for Python, which raises unless signature and time are right. */
const VERIFY = `
import json, sys
from standardwebhooks import Webhook
request = json.load(sys.stdin)
print(len(Webhook(sys.argv[1]).verify(request["body"], request["headers"])))
`;

async function webhooksLibrary(): Promise<{ python: string; why?: never } | { why: string }> {
  try {
    const directory = await installOnce(`standardwebhooks-${LIBRARY_VERSION}`, async (target) => {
      await run("python3", ["-m", "venv", target], { timeout: 120_000 });
      const install = ["install", "--quiet", `standardwebhooks==${LIBRARY_VERSION}`];
      await run(path.join(target, "bin/pip"), install, { timeout: 120_000 });
    });
    return { python: path.join(directory, "bin/python") };
  } catch (error) {
    return { why: `standardwebhooks is not installed, and cannot be: ${String(error).split("\n")[0] ?? ""}` };
  }
}

test("the library of Standard Webhooks takes our signatures, and none with another secret", async (context) => {
  const library = await webhooksLibrary();
  if (library.why !== undefined) return context.skip(library.why);
  await using receiver = await HttpReceiver.start();
  const sign = { secrets: ["whsec_bmV3LXNlY3JldC1vZi0yNC1ieXRlczEy", SECRET] };
  await using opened = sinkFor(receiver.url, { format: "json", compression: "gzip", sign });
  await opened.sink.write(sampleEvents(7), signal);
  const [request] = receiver.requests;
  const input = JSON.stringify({ body: request?.body.toString(), headers: request?.headers });
  const verify = (secret: string) => {
    const verifying = run(library.python, ["-c", VERIFY, secret]);
    verifying.child.stdin?.end(input);
    return verifying;
  };
  for (const secret of sign.secrets) expect((await verify(secret)).stdout.trim()).toBe("7");
  await expect(verify("whsec_b3RoZXItc2VjcmV0LW9mLTI0LWJ5dGVz")).rejects.toThrow("WebhookVerificationError");
}, 120_000);

test("nginx keeps what is put there, refuses a large body, and its other refusals hold events", async (context) => {
  const nginx = programOf("nginx", ["/usr/sbin/nginx"]);
  if (nginx.path === undefined) return context.skip(nginx.why);
  await using dir = await temporaryDir();
  await mkdir(path.join(dir.path, "files"));
  const port = await freePort();
  const config = path.join(dir.path, "nginx.conf");
  await writeFile(
    config,
    `daemon off; master_process off; pid ${dir.path}/pid; error_log ${dir.path}/errors; ${process.getuid?.() === 0 ? "user root;" : ""} events {}
    http { access_log off; client_body_temp_path ${dir.path}/body; client_max_body_size 8k;
      server { listen 127.0.0.1:${port};
        location /files/ { root ${dir.path}; dav_methods PUT; create_full_put_path on; }
        location /moved/ { return 301 /files/; } location /closed/ { deny all; } location /busy/ { return 503; } } }`,
  );
  const child = spawn(nginx.path, ["-c", config, "-e", path.join(dir.path, "errors")], { stdio: "ignore" });
  try {
    const base = `http://127.0.0.1:${port}`;
    for (let tries = 0; tries < 400; tries++) {
      if (await fetch(base).catch(() => undefined)) break;
      await delay(25);
    }
    const write = async (place: string, events: number, method = "PUT") => {
      await using opened = sinkFor(`${base}${place}`, { method });
      return await opened.sink.write(sampleEvents(events), signal);
    };
    expect(await write("/files/batch", 5)).toEqual({ kind: "delivered" });
    const lines = sampleEvents(5).map(({ bytes }) => `${bytes.toString()}\n`);
    expect(await readFile(path.join(dir.path, "files/batch"), "utf8")).toBe(lines.join(""));
    expect(await write("/files/large", 500)).toMatchObject({ kind: "refused", reason: expect.stringContaining("413") });
    for (const [place, words] of [
      ["/moved/x", "not followed"],
      ["/closed/x", "credentials"],
      ["/busy/x", "503"],
    ] as const) {
      expect(await write(place, 1)).toMatchObject({ kind: "retryable", reason: expect.stringContaining(words) });
    }
    expect(await write("/files/batch", 1, "POST")).toMatchObject({
      kind: "retryable",
      reason: expect.stringContaining("method"),
    });
  } finally {
    const ended = once(child, "exit");
    if (child.exitCode === null && child.kill("SIGKILL")) await ended;
  }
}, 60_000);

test("a receiver with a certificate of a private authority is trusted by tls.caFile only, and the check says so", async () => {
  await using dir = await temporaryDir();
  const caFile = path.join(dir.path, "ca.pem");
  await writeFile(caFile, FIRST.cert);
  const server = createServer(FIRST, (request, response) =>
    request.resume().on("end", () => response.writeHead(204).end()),
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const url = `https://127.0.0.1:${typeof address === "object" ? address?.port : 0}/`;
  try {
    await using trusting = sinkFor(url, { tls: { caFile } });
    expect(await trusting.sink.check(signal)).toEqual([]);
    expect(await trusting.sink.write(sampleEvents(2), signal)).toEqual({ kind: "delivered" });
    await using doubting = sinkFor(url);
    expect(await doubting.sink.check(signal)).toEqual([expect.stringMatching(/cannot be connected to: .*certificate/)]);
    expect((await doubting.sink.write(sampleEvents(2), signal)).kind).toBe("retryable");
  } finally {
    server.closeAllConnections();
    server.close();
  }
});
