import { expect, test } from "vitest";
import { startKinesisStandIn } from "../../src/testing.ts";
import { CollectorProcess, temporaryDir } from "../kit/collector-process.ts";
import { deaggregate } from "../kit/deaggregate.ts";
import { openKinesalite } from "../kit/kinesalite.ts";
import { idOf, kinesisConfig } from "../kit/kinesis-config.ts";
import { sendEvents } from "../kit/sender.ts";

const EVENTS = 100_000;

for (const format of ["none", "kpl"] as const) {
  test(`30 % failed records, 5 % failed calls and 2 % cut connections lose nothing, format ${format}`, async () => {
    await using dir = await temporaryDir();
    /** For each id that was stored: how often, and how often by a call whose sender knew. */
    const stored = new Map<string, { times: number; told: number }>();
    const calls = new Map<{ readonly told: boolean }, string[]>();
    await using standIn = await startKinesisStandIn({
      shards: 4,
      keepRecords: false,
      faults: {
        records: { ratio: 0.3 },
        calls: {
          ratio: 0.07,
          kinds: [
            "throttled",
            "internal-failure",
            "unavailable",
            "bad-gateway",
            "reset-before-commit",
            "reset-after-commit",
            "reset-after-commit",
          ],
        },
      },
      onRecord: ({ data, partitionKey, call }) => {
        const ids = calls.get(call) ?? [];
        calls.set(call, ids);
        for (const event of format === "kpl" ? deaggregate(data, partitionKey) : [data]) ids.push(idOf(event));
      },
    });
    await using collector = await CollectorProcess.start(dir.path, kinesisConfig({ endpoint: standIn.url, format }));

    const sent = await sendEvents({
      url: collector.url,
      key: "wk_test",
      events: EVENTS,
      eventsPerRequest: 20,
      connections: 32,
    });
    expect(sent.acknowledged.size).toBe(EVENTS);
    const ledger = await collector.settled(60_000);

    for (const [call, ids] of calls) {
      for (const id of ids) {
        const seen = stored.get(id) ?? { times: 0, told: 0 };
        stored.set(id, { times: seen.times + 1, told: seen.told + (call.told ? 1 : 0) });
      }
    }
    expect([...sent.acknowledged].filter((id) => !stored.has(id))).toEqual([]);
    // Each event is confirmed exactly once: whatever was stored more often was stored by a call that was cut.
    expect([...stored.values()].filter(({ told }) => told !== 1)).toEqual([]);
    expect(standIn.counts.failedCalls).toBeGreaterThan(0);
    expect(standIn.counts.failedRecords).toBeGreaterThan(0);
    expect(ledger).toMatchObject({
      balanced: true,
      accepted: { web: EVENTS },
      rows: [
        { source: "web", sink: "stream", accepted: EVENTS, delivered: EVENTS, deadLettered: 0, dropped: {}, held: 0 },
      ],
    });
  }, 120_000);
}

test("what is posted to the collector is read back by the official client, byte for byte in data", async () => {
  await using dir = await temporaryDir();
  await using kinesalite = await openKinesalite();
  const config = kinesisConfig({ endpoint: kinesalite.endpoint }).replace("stream: web-events", "stream: events");
  await using collector = await CollectorProcess.start(dir.path, config);
  const data = '{ "big": 12345678901234567890, "same": 1, "same": 2, "spelling": 1.0e2, "text": "\\u017c\u017c" }';
  const reply = await fetch(collector.url, {
    method: "POST",
    headers: { authorization: "Bearer wk_test", "content-type": "application/json" },
    body: `[{"id":"a","type":"order.placed","data":${data}},{"type":"order.placed"}]`,
  });
  expect(reply.status).toBe(201);
  await collector.settled();
  const texts = (await kinesalite.readAll()).map((record) => record.data.toString());
  expect(texts).toHaveLength(2);
  const sent = texts.find((text) => text.includes('"id":"a"'));
  expect(sent).toContain(`"data":${data}`);
  expect(JSON.parse(sent ?? "")).toMatchObject({ specversion: "1.0", source: "web", type: "order.placed" });
  const assigned = texts.find((text) => text !== sent);
  expect(JSON.parse(assigned ?? "")).toMatchObject({ idassigned: true, id: expect.stringMatching(/^[0-9a-f-]{36}$/) });
}, 30_000);
