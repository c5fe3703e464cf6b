import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import type { AddressInfo } from "node:net";

/** A way to a server of others that can be cut, and stood still, since most of those cannot fail by themselves. */
export interface BreakableProxy extends AsyncDisposable {
  readonly url: string;
  /** `down`: connections are reset. `stall`: requests go nowhere, and nothing comes back. */
  mode: "up" | "down" | "stall";
}

export async function startBreakableProxy(targetUrl: string): Promise<BreakableProxy> {
  const target = new URL(targetUrl);
  const sockets = new Set<Socket>();
  let mode: BreakableProxy["mode"] = "up";
  const server = createServer((socket) => {
    keep(socket);
    if (mode === "down") socket.resetAndDestroy();
    if (mode !== "up") return;
    const upstream = connect(Number(target.port), target.hostname);
    keep(upstream);
    socket.pipe(upstream).pipe(socket);
    socket.on("close", () => upstream.destroy());
    upstream.on("close", () => socket.destroy());
  });
  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    // Whoever is at the other end sees it, too.
    socket.on("error", () => {});
  };
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const cut = (): void => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get mode() {
      return mode;
    },
    set mode(next) {
      mode = next;
      cut();
    },
    async [Symbol.asyncDispose]() {
      cut();
      server.close();
      await once(server, "close");
    },
  };
}

/** What a conformance harness does to its destination, done to the way there. */
export function faultsOn(proxy: BreakableProxy) {
  const inMode = (mode: BreakableProxy["mode"]) => async (): Promise<void> => {
    proxy.mode = mode;
  };
  return { breakDestination: inMode("down"), repairDestination: inMode("up"), stallDestination: inMode("stall") };
}
