import { expect, test } from "vitest";
import { type AdminView, startAdminServer } from "./admin-server.ts";

const view: AdminView = {
  metrics: () => Promise.resolve("millrace_worker_up 1\n"),
  isLive: () => Promise.resolve(true),
  health: () => Promise.resolve({ live: true, ready: false, reasons: ["draining"] }),
  events: (sink) => Promise.resolve(sink === "ring" ? ['{"id":"a"}', '{"id":"b"}'] : undefined),
  sinks: () => Promise.resolve([{ sink: "stream", state: "ok" }]),
  workers: () => Promise.resolve([{ slot: "0", state: "ready" }]),
  ledger: () => Promise.resolve({ balanced: true, accepted: { web: 3 }, quarantined: {}, rows: [] }),
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
