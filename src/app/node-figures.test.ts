import { expect, test } from "vitest";
import { Ledger } from "../core/ledger.ts";
import { summarize } from "../core/ledger-summary.ts";
import { nodeFigures } from "./node-figures.ts";
import type { SlotView } from "./node-view.ts";
import type { SinkView } from "./worker-protocol.ts";

const NOW_MS = 1_795_000_000_000;
const CONFIG = { sources: [{ name: "web" }, { name: "app" }], sinks: [{ name: "stream" }, { name: "new" }] };

function view(slot: string, stream: Partial<SinkView>, journalFraction: number): SlotView {
  const well = {
    state: "ok",
    sinceMs: 0,
    lastError: undefined,
    inFlight: 0,
    lagEvents: 0,
    lagBytes: 0,
    lagMs: 0,
  } as const;
  const ledger = new Ledger().checkpoint();
  const health = { live: true, ready: true, reasons: [] };
  return {
    slot,
    task: "serve",
    view: { health, ledger, journalFraction, sinks: [{ sink: "stream", ...well, ...stream }] },
  };
}

test("the figures are those of all workers and slots together, with all sources and sinks of the configuration", () => {
  const [one, other] = [new Ledger(), new Ledger()];
  for (const ledger of [one, other]) {
    ledger.open("stream");
    ledger.quarantine("web", 2);
    ledger.filter("web", "bot", 3);
    ledger.accept([{ position: 0, id: "a", type: "t", source: "web", receivedMs: 0, bytes: Buffer.from("{}") }]);
    ledger.settle("stream", 1, [{ source: "web", outcome: { kind: "dead-lettered" }, events: 1 }]);
  }
  const workers = [0, 1, 2].map((slot) => ({ slot: String(slot), state: "ready", restarts: slot }));
  const views = [
    view("0", { state: "open", sinceMs: NOW_MS - 5_000, lagEvents: 3, lagMs: 700 }, 0.1),
    view("1", { lagEvents: 4, lagMs: 200 }, 0.4),
  ];
  // The configuration has more than is looked at.
  const config = CONFIG as unknown as Parameters<typeof nodeFigures>[0]["config"];
  expect(nodeFigures({ config, views, ledger: summarize([one, other]), workers }, NOW_MS)).toEqual({
    isComplete: false,
    sources: [
      { source: "web", sent: 12, invalid: 4 },
      { source: "app", sent: 0, invalid: 0 },
    ],
    sinks: [
      { sink: "stream", deadLetters: 2, lagMs: 700, lagEvents: 7, failingMs: 5_000 },
      { sink: "new", deadLetters: 0, lagMs: 0, lagEvents: 0, failingMs: 0 },
    ],
    journalFraction: 0.4,
    workerRestarts: 3,
  });
});
