import { once } from "node:events";
import { createServer } from "node:net";
import type { Clock } from "../core/clock.ts";
import { portUnavailable } from "../ingest/port-unavailable.ts";

/** Workers of a supervisor that was killed let go of the port well within this. */
const WAIT_MS = 6_000;
const LOOK_EVERY_MS = 50;

/**
 * Makes sure that nobody listens on the port. Workers share it by `SO_REUSEPORT`, which would
 * let a second collector, started by mistake, take a part of the events without anyone
 * noticing. Rejects with `port_unavailable`.
 */
export async function assertPortFree(listen: { host: string; port: number }, clock: Clock): Promise<void> {
  const deadlineMs = clock.monotonicMs() + WAIT_MS;
  for (;;) {
    const problem = await probe(listen);
    if (problem === undefined) return;
    if (problem.code !== "EADDRINUSE" || clock.monotonicMs() > deadlineMs) {
      throw portUnavailable(listen, problem);
    }
    await new Promise<void>((resolve) => clock.after(LOOK_EVERY_MS, resolve));
  }
}

async function probe({ host, port }: { host: string; port: number }): Promise<NodeJS.ErrnoException | undefined> {
  const server = createServer();
  try {
    server.listen({ host, port });
    await once(server, "listening");
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
  const closed = once(server, "close");
  server.close();
  await closed;
  return undefined;
}
