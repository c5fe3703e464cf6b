import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { PassThrough, Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { expect, onTestFinished, test } from "vitest";
import { EXIT } from "./exit-codes.ts";
import { runCli } from "./run-cli.ts";

/** Answers 404 to one path, and takes everything at the others. */
async function receiver() {
  const bodies: string[] = [];
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      bodies.push(body);
      response.writeHead(request.url?.includes("gone") === true ? 404 : 200).end();
    });
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return { bodies, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

async function millrace(args: readonly string[], sinks: string) {
  const cwd = await mkdtemp(path.join(tmpdir(), "millrace-cli-"));
  onTestFinished(() => rm(cwd, { recursive: true, force: true }));
  await writeFile(path.join(cwd, "millrace.yaml"), `sources: [{ name: web, keys: [wk_1] }]\nsinks:\n${sinks}`);
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const exitCode = await runCli(["notify", "test", ...args], {
    stdin: Readable.from([]),
    stdout,
    stderr,
    env: {},
    cwd,
  });
  stdout.end();
  stderr.end();
  return { exitCode, stdout: await text(stdout), stderr: await text(stderr) };
}

const sinkOf = (url: string, path_: string) => `
  - name: alerts
    type: notify
    rules: [{ name: js-errors, when: "true", groupBy: [type], moreThan: 5, channels: [chat, manager] }]
    channels:
      - { name: chat, type: slack, url: "${url}/services/TOKEN" }
      - { name: hook, type: webhook, url: "${url}/${path_}", secret: "a secret of the tests" }
      - { name: manager, type: alertmanager, urls: ["${url}"] }
`;

test("each channel gets a message that says it is a test, and what it answered is shown without secrets", async () => {
  const { bodies, url } = await receiver();
  const { exitCode, stdout } = await millrace(["--json"], sinkOf(url, "hook"));
  expect(exitCode).toBe(EXIT.ok);
  expect(JSON.parse(stdout)).toMatchObject([
    {
      channel: "chat",
      type: "slack",
      target: `${url}/…`,
      ok: true,
      answer: expect.stringContaining("HTTP 200") as string,
    },
    { channel: "hook", ok: true },
    { channel: "manager", target: url, ok: true },
  ]);
  expect(stdout).not.toMatch(/TOKEN|a secret/);
  expect(bodies).toHaveLength(3);
  for (const body of bodies) expect(body).toMatch(/test/i);
});

test("a channel that does not take it makes the command fail", async () => {
  const { url } = await receiver();
  const { exitCode, stdout } = await millrace([], sinkOf(url, "gone"));
  expect(exitCode).toBe(EXIT.failed);
  expect(stdout).toMatch(/hook +webhook .* NOT TAKEN +HTTP 404/);
  expect(stdout).toContain("1 of 3 were not taken.");
});

test("a rule's message goes to its channels, and one channel can be chosen", async () => {
  const { bodies, url } = await receiver();
  expect((await millrace(["--rule", "js-errors", "--channel", "chat"], sinkOf(url, "hook"))).exitCode).toBe(EXIT.ok);
  expect(bodies).toEqual([expect.stringContaining("[TEST] js-errors: type = (test)")]);
});

test("a name that there is not is told with those there are", async () => {
  const { stderr, exitCode } = await millrace(["--channel", "pager"], sinkOf("http://127.0.0.1:9", "hook"));
  expect([exitCode, stderr]).toEqual([
    EXIT.usage,
    expect.stringContaining("channels chat, hook, manager; rules js-errors"),
  ]);
  const none = await millrace([], "  - { name: memory, type: memory }\n");
  expect([none.exitCode, none.stderr]).toEqual([EXIT.usage, expect.stringContaining("no sink of type notify")]);
});
