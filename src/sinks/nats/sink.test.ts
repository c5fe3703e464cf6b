import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { Registry } from "prom-client";
import { expect, onTestFinished, test } from "vitest";
import { natsConfig } from "./config.ts";
import { createNatsSink } from "./sink.ts";

const INFO = JSON.stringify({ server_id: "a", version: "2.11.0", proto: 1, headers: true, max_payload: 1_048_576 });

test("a connection that comes about only after the check was given up is closed, too", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" ? address?.port : 0;
  const config = natsConfig.parse({ name: "log", type: "nats", servers: [`127.0.0.1:${port}`], subject: "events" });
  const sink = createNatsSink(config, { registry: new Registry() });
  const giveUp = new AbortController();
  const checking = sink.check(giveUp.signal);
  const [socket]: [Socket] = (await once(server, "connection")) as [Socket];
  onTestFinished(() => void socket.destroy());
  giveUp.abort();
  expect(await checking).toEqual([expect.stringContaining("no answer in time")]);
  socket.write(`INFO ${INFO}\r\n`);
  await once(socket, "data");
  socket.write("PONG\r\n");
  socket.resume();
  await once(socket, "close");
  await sink.close();
});
