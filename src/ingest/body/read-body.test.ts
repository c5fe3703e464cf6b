import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, IncomingMessage, request as httpRequest, type RequestOptions } from "node:http";
import { connect, Socket } from "node:net";
import { expect, test } from "vitest";
import { PendingBytes } from "./pending-bytes.ts";
import { readBody, refuseAnnounced } from "./read-body.ts";

type BodyRead = Awaited<ReturnType<typeof readBody>>;

/** A server that reads one body after the other and answers with how that went. */
async function startReader(maxBytes: number, pending = new PendingBytes(1e9)) {
  const reads: Promise<BodyRead>[] = [];
  const server = createServer((request, response) => {
    const refusal = refuseAnnounced(request, maxBytes, pending);
    const read = refusal === undefined ? readBody(request, maxBytes, pending) : Promise.resolve(refusal);
    reads.push(read);
    response.setHeader("Connection", "close");
    void read.then((result) => response.end(result.kind));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" ? address?.port : undefined;
  assert(port !== undefined);
  return {
    port,
    pending,
    reads,
    request: (options: RequestOptions) => httpRequest({ host: "127.0.0.1", port, method: "POST", ...options }),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

test("a body in one chunk, in several and empty is taken whole, and stays reserved", async () => {
  await using reader = await startReader(1e6);
  const large = Buffer.alloc(300_000, "abc");
  for (const body of [Buffer.from("hello"), large, Buffer.alloc(0)]) {
    const request = reader.request({ headers: { "Content-Length": body.length } }).end(body);
    await once(request, "response");
    expect(await reader.reads.at(-1)).toEqual({ kind: "body", body });
  }
  expect(reader.pending.held).toBe(large.length + 5);
});

test("a body in chunks without a length is taken whole", async () => {
  await using reader = await startReader(1e6);
  const request = reader.request({ headers: { "Transfer-Encoding": "chunked" } });
  request.write("one ");
  await new Promise((resolve) => setTimeout(resolve, 20));
  request.end("two");
  await once(request, "response");
  expect(await reader.reads[0]).toEqual({ kind: "body", body: Buffer.from("one two") });
});

test("a body that is announced as too large is refused before it comes", async () => {
  await using reader = await startReader(100);
  const request = reader.request({ headers: { "Content-Length": 101 } });
  request.on("error", () => {}).flushHeaders();
  await once(request, "response");
  expect(await reader.reads[0]).toMatchObject({ kind: "refused", code: "body_too_large" });
  request.destroy();
});

test("a body without a length is refused once it is too large, and nothing stays reserved", async () => {
  await using reader = await startReader(100_000);
  const request = reader.request({ headers: { "Transfer-Encoding": "chunked" } }).on("error", () => {});
  request.write(Buffer.alloc(100_001));
  await once(request, "response");
  expect(await reader.reads[0]).toMatchObject({ kind: "refused", code: "body_too_large" });
  expect(reader.pending.held).toBe(0);
  request.destroy();
});

test("a body of just the limit is taken", async () => {
  await using reader = await startReader(100);
  await once(reader.request({}).end(Buffer.alloc(100)), "response");
  expect((await reader.reads[0])?.kind).toBe("body");
});

test("a body that does not fit in the memory budget is refused, announced or not", async () => {
  await using reader = await startReader(1e6, new PendingBytes(1_000));
  for (const headers of [{ "Content-Length": 1_001 }, { "Transfer-Encoding": "chunked" }]) {
    const request = reader.request({ headers }).on("error", () => {});
    request.write(Buffer.alloc(1_001));
    await once(request, "response");
    expect(await reader.reads.at(-1)).toMatchObject({ kind: "refused", code: "overloaded" });
    expect(reader.pending.held).toBe(0);
    request.destroy();
  }
});

test("a client that goes away in the middle leaves nothing reserved", async () => {
  await using reader = await startReader(1e6);
  const socket = connect(reader.port, "127.0.0.1");
  socket.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf");
  await expect.poll(() => reader.pending.held).toBe(4);
  socket.destroy();
  expect(await reader.reads[0]).toEqual({ kind: "gone" });
  expect(reader.pending.held).toBe(0);
});

test("a client that went away before anyone read is gone at once", async () => {
  const request = new IncomingMessage(new Socket());
  request.destroy();
  expect(await readBody(request, 1e6, new PendingBytes(1e6))).toEqual({ kind: "gone" });
});

test("framing that breaks in the middle ends like a client that went away", async () => {
  await using reader = await startReader(1e6);
  const socket = connect(reader.port, "127.0.0.1").on("error", () => {});
  socket.write("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nZZ\r\n");
  await expect.poll(() => reader.reads.length).toBe(1);
  expect(await reader.reads[0]).toEqual({ kind: "gone" });
  expect(reader.pending.held).toBe(0);
  socket.destroy();
});
