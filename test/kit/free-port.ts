import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";

/** A port that was free a moment ago, for a server that cannot be told to take any. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  assert(typeof address === "object" && address !== null);
  server.close();
  await once(server, "close");
  return address.port;
}
