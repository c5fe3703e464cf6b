import { writeFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { CollectorProcess, temporaryDir } from "../kit/collector-process.ts";
import { archivedEvents, runMillrace } from "../kit/replay-kit.ts";
import { sendEvents } from "../kit/sender.ts";

const EVENTS = 300;

function configWith(maxBytes: string): string {
  return `
workers: 2
sources: [{ name: web, keys: [wk_web] }]
sinks:
  - { name: files, type: file, dir: ./files, fileAgeMs: 100, batch: { maxAgeMs: 20, maxBytes: ${maxBytes} } }
  - { name: all, type: file, dir: ./all, fileAgeMs: 100, batch: { maxAgeMs: 20 } }
`;
}

test("dead letters go back to the sink that refused them, once, beside a collector that runs", async () => {
  await using dir = await temporaryDir();
  await using collector = await CollectorProcess.start(dir.path, configWith("1KiB"));
  const { acknowledged } = await sendEvents({
    url: collector.url,
    key: "wk_web",
    events: EVENTS,
    eventsPerRequest: 10,
    connections: 4,
    paddingBytes: 2_000,
  });
  const ledger = await collector.settled();
  expect(ledger.rows.find(({ sink }) => sink === "files")).toMatchObject({ delivered: 0, deadLettered: EVENTS });
  await writeFile(path.join(dir.path, "wide.yaml"), configWith("1MiB"));
  const replay = async (config: string, ...args: string[]) => {
    const all = ["replay", "--from", "dead-letters", "--config", config, "--json", ...args];
    const { code, stdout } = await runMillrace(dir.path, all);
    return { code, replays: JSON.parse(stdout).replays };
  };

  const dry = await replay("wide.yaml", "--dry-run");
  expect(dry).toMatchObject({
    code: 0,
    replays: [{ to: "files", wouldSend: EVENTS, byType: { "test.sent": EVENTS } }],
  });

  // The sink is as it was: each is refused again, and the new dead letter stands for the old one.
  const refused = await replay("millrace.yaml");
  expect(refused).toMatchObject({
    code: 1,
    replays: [
      { to: "files", ledger: { read: EVENTS, delivered: 0, refused: { event_too_large: EVENTS }, notSent: 0 } },
    ],
  });
  const taken = await replay("wide.yaml", "--code", "event_too_large");
  expect(taken).toMatchObject({
    code: 0,
    replays: [{ ledger: { read: 2 * EVENTS, delivered: EVENTS, skipped: { already_replayed: EVENTS } } }],
  });
  const again = await replay("wide.yaml");
  expect(again).toMatchObject({
    code: 0,
    replays: [{ ledger: { delivered: 0, skipped: { already_replayed: 2 * EVENTS } } }],
  });

  const events = await archivedEvents(path.join(dir.path, "files"));
  expect(events.map(({ id }) => String(id)).toSorted((a, b) => (a < b ? -1 : 1))).toEqual(
    [...acknowledged].toSorted((a, b) => (a < b ? -1 : 1)),
  );
  // The others have had them.
  expect(await archivedEvents(path.join(dir.path, "all"))).toHaveLength(EVENTS);
  expect(await collector.ledger()).toMatchObject({ balanced: true, accepted: { web: EVENTS } });

  // With a claim check the sink takes even those; `--again` sends what is marked.
  const claims = configWith("1KiB").replace("type: file,", "type: file, oversize: { to: claimCheck, dir: ./claims },");
  await writeFile(path.join(dir.path, "claims.yaml"), claims);
  const pointers = await replay("claims.yaml", "--again", "--to", "files");
  expect(pointers).toMatchObject({ code: 0, replays: [{ ledger: { read: 2 * EVENTS, delivered: 2 * EVENTS } }] });
  const withReference = (await archivedEvents(path.join(dir.path, "files"))).filter(
    ({ dataref }) => dataref !== undefined,
  );
  expect(withReference).toHaveLength(2 * EVENTS);

  const [id = ""] = acknowledged;
  const found = await runMillrace(dir.path, ["find", id, "--json", "--in", "archive", "dead-letters"]);
  expect(JSON.parse(found.stdout).found).toMatchObject([
    { in: "archive", sink: "files" },
    { in: "archive", sink: "all" },
    { in: "dead-letters", sink: "files", code: "event_too_large" },
  ]);
}, 120_000);
