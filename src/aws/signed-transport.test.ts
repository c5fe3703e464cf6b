import assert from "node:assert/strict";
import { createHmac, hash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { buffer } from "node:stream/consumers";
import { expect, test } from "vitest";
import { systemClock } from "../core/clock.ts";
import { AwsCredentials, type IdentityProvider } from "./credentials.ts";
import { awsJson, SignedTransport } from "./signed-transport.ts";

const IDENTITY = { accessKeyId: "AKTEST", secretAccessKey: "secret", sessionToken: "token+/=" };

interface Served {
  readonly request: IncomingMessage;
  readonly body: Buffer;
}

/** A server with one answer for everything, and a transport to it. */
async function openTransport(
  answer: (response: ServerResponse) => void,
  overrides: { provider?: IdentityProvider; timeoutMs?: number; clock?: typeof systemClock } = {},
) {
  const served: Served[] = [];
  const sockets = new Set<unknown>();
  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    sockets.add(request.socket);
    served.push({ request, body: await buffer(request) });
    answer(response);
  };
  const server = createServer((request, response) => void serve(request, response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  assert(typeof address === "object" && address !== null);
  const transport = new SignedTransport({
    service: "kinesis",
    region: "eu-west-1",
    endpoint: new URL(`http://127.0.0.1:${address.port}`),
    credentials: new AwsCredentials(overrides.provider ?? (async () => IDENTITY)),
    clock: overrides.clock ?? systemClock,
    connections: 2,
    timeoutMs: overrides.timeoutMs ?? 5_000,
  });
  return {
    transport,
    served,
    sockets,
    post: (body = "{}", signal = new AbortController().signal) =>
      transport.send(awsJson("Kinesis_20131202.PutRecords", Buffer.from(body)), signal),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await transport.close();
    },
  };
}

test("the signature covers what the server receives", async () => {
  await using open = await openTransport((response) => response.end("{}"));
  await open.post('{"π":1}');
  const [served] = open.served;
  assert(served);
  expect(served.request.headers["x-amz-target"]).toBe("Kinesis_20131202.PutRecords");
  expect(served.request.headers["content-type"]).toBe("application/x-amz-json-1.1");
  expect(signatureIn(served)).toBe(signatureOf(served, IDENTITY.secretAccessKey));
});

/** Signature Version 4 as its documentation tells it, over the request as it arrived. */
function signatureOf({ request, body }: Served, secret: string): string {
  const signedHeaders = /SignedHeaders=([^,]+)/.exec(request.headers.authorization ?? "")?.[1] ?? "";
  expect(signedHeaders.split(";")).toEqual(
    expect.arrayContaining(["content-type", "host", "x-amz-date", "x-amz-security-token", "x-amz-target"]),
  );
  const headers = signedHeaders.split(";").map((name) => `${name}:${String(request.headers[name]).trim()}\n`);
  const canonical = [request.method, "/", "", headers.join(""), signedHeaders, hash("sha256", body)].join("\n");
  const date = String(request.headers["x-amz-date"]);
  const scope = [date.slice(0, 8), "eu-west-1", "kinesis", "aws4_request"];
  let key: string | Buffer = `AWS4${secret}`;
  for (const part of scope) key = createHmac("sha256", key).update(part).digest();
  const toSign = ["AWS4-HMAC-SHA256", date, scope.join("/"), hash("sha256", canonical)].join("\n");
  return createHmac("sha256", key).update(toSign).digest("hex");
}

function signatureIn({ request }: Served): string | undefined {
  return /Signature=(\w+)/.exec(request.headers.authorization ?? "")?.[1];
}

test("connections are kept for later calls, and no more are opened than allowed", async () => {
  await using open = await openTransport((response) => response.end("{}"));
  for (let call = 0; call < 5; call++) await open.post();
  await Promise.all(Array.from({ length: 6 }, () => open.post()));
  expect(open.served.length).toBe(11);
  expect(open.sockets.size).toBeLessThanOrEqual(2);
});

test("a reply is handed on whatever it holds", async () => {
  await using open = await openTransport((response) => response.writeHead(502).end("<html>"));
  expect(await open.post()).toMatchObject({ kind: "reply", status: 502, body: Buffer.from("<html>") });
});

test("a broken connection, a cut reply and an endless reply are no replies", async () => {
  for (const answer of [
    (response: ServerResponse) => response.socket?.resetAndDestroy(),
    (response: ServerResponse) => {
      response.writeHead(200, { "content-length": 100 }).write("{");
      setTimeout(() => response.destroy(), 10);
    },
    (response: ServerResponse) => response.end(Buffer.alloc(3 * 1024 * 1024)),
  ]) {
    await using open = await openTransport(answer);
    expect(await open.post()).toEqual({ kind: "no-reply", reason: expect.stringContaining("no reply from 127.0.0.1") });
  }
});

test("a server that never answers is given up after the timeout", async () => {
  await using open = await openTransport(() => {}, { timeoutMs: 100 });
  expect(await open.post()).toMatchObject({ kind: "no-reply", reason: expect.stringMatching(/timeout/i) });
});

test("aborting ends a call that waits for a reply, or for credentials", async () => {
  const never = new Promise<never>(() => {});
  for (const provider of [async () => IDENTITY, () => never]) {
    await using open = await openTransport(() => {}, { provider });
    expect(await open.post("{}", AbortSignal.timeout(50))).toMatchObject({
      kind: "no-reply",
      reason: expect.stringContaining("given up"),
    });
  }
});

test("aborting ends a call that waits for a connection, which is not sent then", async () => {
  await using open = await openTransport((response) => setTimeout(() => response.end("{}"), 200));
  const others = [open.post(), open.post()];
  const waiting = open.post("{}", AbortSignal.timeout(50));
  expect(await waiting).toMatchObject({ kind: "no-reply", reason: expect.stringContaining("given up") });
  await Promise.all(others);
  await open.transport.close();
  expect(open.served.length).toBe(2);
});

test("without credentials nothing is sent, and the reason says what is missing", async () => {
  await using open = await openTransport((response) => response.end("{}"), {
    provider: () => Promise.reject(new Error("Could not load credentials from any providers")),
  });
  expect(await open.post()).toMatchObject({ kind: "no-reply", reason: expect.stringContaining("no AWS credentials") });
  expect(open.served).toEqual([]);
});

test("after an answer that the keys have expired, the next call looks for new ones", async () => {
  const asked: boolean[] = [];
  const provider: IdentityProvider = async (options) => {
    asked.push(options?.forceRefresh === true);
    return IDENTITY;
  };
  await using open = await openTransport(
    (response) => response.writeHead(400).end('{"__type":"ExpiredTokenException"}'),
    { provider },
  );
  await open.post();
  await open.post();
  expect(asked).toEqual([false, true]);
});

test("a clock that is off is corrected by the service's date", async () => {
  const hourAhead = { ...systemClock, nowMs: () => Date.now() + 3_600_000 };
  await using open = await openTransport((response) => response.writeHead(403).end("{}"), { clock: hourAhead });
  await open.post();
  await open.post();
  const dates = open.served.map(({ request }) => Date.parse(isoDate(String(request.headers["x-amz-date"]))));
  expect(Math.abs((dates[0] ?? 0) - Date.now() - 3_600_000)).toBeLessThan(60_000);
  expect(Math.abs((dates[1] ?? 0) - Date.now())).toBeLessThan(60_000);
});

function isoDate(amzDate: string): string {
  return amzDate.replace(/(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z/, "$1-$2-$3T$4:$5:$6Z");
}

test("close waits for what is on the way, may be repeated, and ends all further calls", async () => {
  await using open = await openTransport((response) => setTimeout(() => response.end("{}"), 50));
  const last = open.post();
  await expect.poll(() => open.served.length).toBe(1);
  await open.transport.close();
  await open.transport.close();
  expect(await last).toMatchObject({ kind: "reply", status: 200 });
  expect(await open.post()).toMatchObject({ kind: "no-reply" });
});
