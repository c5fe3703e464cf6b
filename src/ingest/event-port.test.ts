import { connect, type Socket } from "node:net";
import { expect, test } from "vitest";
import { rawPost, startTestServer } from "./ingest-server-fixture.ts";

const POST = rawPost('{"type":"page.viewed"}');

/** Sends a request over a connection of its own. A connection is refused, or it brings the answer; nothing else is right. */
function request(port: number): Promise<"answered" | "refused" | "cut off"> {
  return new Promise((resolve) => {
    let answer = "";
    let connected = false;
    const socket: Socket = connect(port, "127.0.0.1", () => {
      connected = true;
      socket.write(POST);
    });
    socket.on("data", (chunk) => (answer += chunk.toString()));
    socket.on("error", () => {});
    socket.on("close", () => {
      if (answer.startsWith("HTTP/1.1 201 ")) resolve("answered");
      else resolve(connected ? "cut off" : "refused");
    });
  });
}

test("connections that the kernel has taken when the port closes are served", async () => {
  await using server = await startTestServer();
  // The kernel takes them while this turn of the event loop lasts; nobody accepts them before it ends.
  const requests = Array.from({ length: 100 }, () => request(server.port));
  await new Promise((resolve) => process.nextTick(resolve));
  const closed = server.server.close(5_000);
  expect(new Set(await Promise.all(requests))).toEqual(new Set(["answered"]));
  await closed;
});

test("once closed the port takes no connections", async () => {
  await using server = await startTestServer();
  await server.server.close(1_000);
  expect(await request(server.port)).toBe("refused");
});

test("processes may share a port if all of them say so", async () => {
  await using first = await startTestServer({ reusePort: true });
  await using second = await startTestServer({ reusePort: true, port: first.port });
  expect(second.port).toBe(first.port);
  await expect(startTestServer({ port: first.port })).rejects.toMatchObject({ code: "port_unavailable" });
  for (let sent = 0; sent < 50; sent++) expect(await request(first.port)).toBe("answered");
  expect(first.journal.drafts.length).toBeGreaterThan(0);
  expect(second.journal.drafts.length).toBeGreaterThan(0);
});
