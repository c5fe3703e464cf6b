import { pino } from "pino";
import { expect, onTestFinished, test } from "vitest";
import { AlertDesk } from "../../src/alerts/alert-desk.ts";
import { bucketMsOf, countingOf } from "../../src/alerts/count-report.ts";
import { systemClock } from "../../src/core/clock.ts";
import { type NotifyConfig, notifyConfig } from "../../src/sinks/notify/config.ts";
import { startAlertmanager } from "../kit/alertmanager.ts";
import { startMailServer } from "../kit/mail-server.ts";

const log = pino({ level: "silent" });

/** It may have to be installed first. */
const WITH_ALERTMANAGER = { timeout: 400_000 };

const LONG = { timeout: 60_000 };

/** What a supervisor has for a sink of type `notify`, ticking fast. */
function openDesk(node: string, channel: object, rule: object = {}) {
  const config = notifyConfig.parse({
    name: "alerts",
    type: "notify",
    rules: [
      {
        name: "js-errors",
        when: "true",
        groupBy: ["/data/release"],
        moreThan: 2,
        resolveAfterMs: 0,
        minGapMs: 0,
        ...rule,
      },
    ],
    channels: [{ name: "channel", ...channel }],
  });
  const desk = new AlertDesk(config, { node, clock: systemClock, random: Math.random, log });
  const ticking = setInterval(() => desk.tick(), 50);
  onTestFinished(async () => {
    clearInterval(ticking);
    await desk.close(100);
  });
  return { config, desk };
}

function count({ config, desk }: { config: NotifyConfig; desk: AlertDesk }, release: string, events: number): void {
  const nowMs = Date.now();
  const rules = config.rules.map((rule) => ({
    rule: rule.name,
    counting: countingOf(rule, config.when),
    groups: [
      {
        values: [release],
        buckets: [[Math.floor(nowMs / bucketMsOf(rule.withinMs)), events] as const],
        firstMs: nowMs,
        lastMs: nowMs,
        sampleId: "e1",
      },
    ],
  }));
  expect(desk.count({ sink: config.name, expiresMs: nowMs + 10_000, rules })).toBe("counted");
}

const until = <Value>(read: () => Value) => expect.poll(read, { timeout: 20_000, interval: 25 });

test("an alert arrives by mail, also when the server was down for a while", LONG, async () => {
  await using server = await startMailServer();
  await server.down();
  const mail = {
    type: "email",
    host: "127.0.0.1",
    port: server.port,
    from: "millrace@shop.example",
    to: ["ops@shop.example"],
    minGapMs: 0,
  };
  const node = openDesk("node-a", mail);
  count(node, "1.4.2\r\nBcc: everyone@shop.example", 3);
  await until(() => node.desk.figures().channels[0]?.failures).toBeGreaterThan(0);
  expect(node.desk.figures().channels[0]?.lastError).toContain(`no mail through 127.0.0.1:${server.port}`);
  await server.up();
  await until(() => server.mails.length).toBe(1);
  const [text = ""] = server.mails;
  expect(text).toMatch(/^From: millrace@shop\.example$/m);
  expect(text).toMatch(/^To: ops@shop\.example$/m);
  expect(text.replaceAll(/\r?\n /g, " ")).toMatch(
    /^Subject: Millrace \[FIRING\] js-errors: \/data\/release = 1\.4\.2 Bcc: everyone@shop\.example\r?$/m,
  );
  expect(text).not.toMatch(/^Bcc:/im);
  expect(text).toContain("3 events within 5 min (alert: more than 2)");
  await until(() => node.desk.figures().channels[0]?.waiting).toBe(0);
});

test("no password goes in the clear unless that is asked for, and a wrong one is told", LONG, async () => {
  await using server = await startMailServer("the right password");
  const mail = {
    type: "email",
    host: "127.0.0.1",
    port: server.port,
    from: "a@b.example",
    to: ["c@d.example"],
    minGapMs: 0,
  };
  const careful = openDesk("node-a", { ...mail, auth: { user: "millrace", pass: "the right password" } });
  const wrong = openDesk("node-a", {
    ...mail,
    requireTls: false,
    auth: { user: "millrace", pass: "another password" },
  });
  const right = openDesk("node-a", {
    ...mail,
    requireTls: false,
    auth: { user: "millrace", pass: "the right password" },
  });
  for (const node of [careful, wrong, right]) count(node, "A", 3);
  await until(() => server.mails.length).toBe(1);
  await until(() => careful.desk.figures().channels[0]?.lastError).toMatch(/STARTTLS|ETLS/);
  await until(() => wrong.desk.figures().channels[0]?.lastError).toMatch(/EAUTH/);
  expect(JSON.stringify([careful, wrong].map(({ desk }) => desk.figures()))).not.toMatch(/(right|another) password/);
});

test(
  "the alerts of two nodes are one in Alertmanager, which goes on while one of them fires and ends with the last",
  WITH_ALERTMANAGER,
  async (context) => {
    const alertmanager = await startAlertmanager();
    if (typeof alertmanager === "string") {
      context.skip(alertmanager);
      return;
    }
    await using server = alertmanager;
    const channel = { type: "alertmanager", urls: [server.url, "http://127.0.0.1:9"], resendEveryMs: 1_000 };
    const rule = { withinMs: 4_000, labels: { team: "web" }, description: "Look at the release." };
    const [a, b] = [openDesk("node-a", channel, rule), openDesk("node-b", channel, rule)];
    const firing = async () => (await server.alerts()).map(({ labels }) => labels.data_release ?? "").toSorted();
    count(a, "1.4.2", 3);
    await until(firing).toEqual(["1.4.2"]);
    const [first] = await server.alerts();
    expect(first).toMatchObject({
      labels: { alertname: "js-errors", severity: "warning", job: "millrace", team: "web", data_release: "1.4.2" },
      annotations: { node: "node-a", description: "Look at the release.", sample_event_id: "e1" },
    });
    // The second node's joins the first one's, and goes on after it.
    for (let events = 0; events < 60; events++) {
      count(b, "1.4.2", 3);
      if (a.desk.firing().length === 0) break;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(a.desk.firing()).toEqual([]);
    count(b, "1.4.3", 3);
    await until(firing).toEqual(["1.4.2", "1.4.3"]);
    const joined = (await server.alerts()).find(({ labels }) => labels.data_release === "1.4.2");
    expect(joined?.fingerprint).toBe(first?.fingerprint);
    await until(
      async () =>
        (await server.alerts()).find(({ fingerprint }) => fingerprint === first?.fingerprint)?.annotations.node,
    ).toBe("node-b");
    await until(firing).toEqual([]);
    // The address where nobody answers has kept nobody waiting, and was counted.
    expect(b.desk.figures().channels[0]).toMatchObject({ lastError: expect.stringContaining("127.0.0.1:9") as string });
  },
);

test("what a node that died was firing expires in Alertmanager by itself", WITH_ALERTMANAGER, async (context) => {
  const alertmanager = await startAlertmanager();
  if (typeof alertmanager === "string") {
    context.skip(alertmanager);
    return;
  }
  await using server = alertmanager;
  const node = openDesk("node-a", { type: "alertmanager", urls: [server.url], resendEveryMs: 1_000 });
  count(node, "A", 3);
  await until(async () => (await server.alerts()).length).toBe(1);
  await node.desk.close(1_000);
  expect(await server.alerts()).toHaveLength(1);
  await until(async () => (await server.alerts()).length).toBe(0);
});
