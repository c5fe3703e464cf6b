import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { expect, test } from "vitest";
import { type AdminView, startAdminServer } from "./admin-server.ts";

const view: AdminView = {
  metrics: () => Promise.resolve("millrace_worker_up 1\n"),
  isLive: () => Promise.resolve(true),
  health: () => Promise.resolve({ live: true, ready: false, reasons: ["draining"] }),
  events: (sink) => Promise.resolve(sink === "ring" ? ['{"id":"a"}', '{"id":"b"}'] : undefined),
  sinks: () => Promise.resolve([{ sink: "stream", state: "ok" }]),
  workers: () => Promise.resolve([{ slot: "0", state: "ready" }]),
  alerts: () => Promise.resolve({ firing: [], sinks: [] }),
  ledger: () =>
    Promise.resolve({
      balanced: true,
      complete: true,
      missing: [],
      accepted: { web: 3 },
      quarantined: {},
      filtered: {},
      clientDropped: {},
      rows: [],
    }),
};

test("the admin port tells liveness apart from readiness, and says why it is not ready", async () => {
  const admin = await startAdminServer({ host: "127.0.0.1", port: 0 }, view);
  try {
    const url = `http://127.0.0.1:${admin.port}`;
    expect((await fetch(`${url}/livez`)).status).toBe(200);
    const ready = await fetch(`${url}/readyz`);
    expect([ready.status, await ready.json()]).toEqual([503, { ready: false, reasons: ["draining"] }]);
    expect(await (await fetch(`${url}/v1/ledger`)).json()).toMatchObject({ balanced: true, accepted: { web: 3 } });
    expect(await (await fetch(`${url}/v1/workers`)).json()).toEqual([{ slot: "0", state: "ready" }]);
    expect(await (await fetch(`${url}/v1/alerts`)).json()).toEqual({ firing: [], sinks: [] });
    expect((await fetch(`${url}/metrics`)).headers.get("content-type")).toContain("text/plain");
    expect(await (await fetch(`${url}/v1/sinks/ring/events`)).text()).toBe('{"id":"a"}\n{"id":"b"}\n');
    expect((await fetch(`${url}/v1/sinks/stream/events`)).status).toBe(404);
    expect((await fetch(`${url}/nothing`)).status).toBe(404);
    await expect(startAdminServer({ host: "127.0.0.1", port: admin.port }, view)).rejects.toMatchObject({
      code: "port_unavailable",
    });
  } finally {
    await admin.close();
  }
});

test("connections to the admin port do not use up the files that starting a worker needs", async () => {
  const admin = await startAdminServer({ host: "127.0.0.1", port: 0 }, view);
  const sockets: Socket[] = [];
  let closed = 0;
  try {
    for (let connections = 0; connections < 300; connections++) {
      const socket = connect(admin.port, "127.0.0.1").on("error", () => {});
      sockets.push(socket.on("close", () => closed++));
    }
    await expect.poll(() => closed, { timeout: 5_000 }).toBe(300 - 64);
    // The next one is served as soon as one has gone.
    const first = sockets.find((socket) => !socket.destroyed);
    first?.destroy();
    if (first !== undefined) await once(first, "close");
    const isServed = () =>
      fetch(`http://127.0.0.1:${admin.port}/livez`).then(
        ({ status }) => status,
        () => undefined,
      );
    await expect.poll(isServed, { timeout: 5_000 }).toBe(200);
  } finally {
    for (const socket of sockets) socket.destroy();
    await admin.close();
  }
});
