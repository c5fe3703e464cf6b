import { hostname } from "node:os";
import { z } from "zod";
import { adminConfig } from "../admin/config.ts";
import { httpConfig, listenConfig, sourceConfig } from "../ingest/config.ts";
import { journalConfig, rejectLogConfig } from "../journal/config.ts";
import { schemasConfig } from "../schemas/config.ts";
import { closingTimeMs } from "./closing-time.ts";
import { contradictions } from "./config-checks.ts";
import { lifeboatConfig } from "../lifeboat/config.ts";
import { supervisorConfig } from "../supervisor/config.ts";
import { sinkConfig } from "./sink-config.ts";

/** The whole of `millrace.yaml`. Each folder describes its own part; this puts them together. */
const fields = z.strictObject({
  node: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, "a node name has 1 to 63 letters, digits, dots, - and _")
    .optional()
    .describe("Name of this node, in every event's `collector` attribute and in file names. Default: the host name.")
    .transform((name) => name ?? nodeName()),
  listen: listenConfig.describe("Where events are taken in."),
  http: httpConfig.describe("Limits of the event port."),
  admin: adminConfig.describe("The private port for health, metrics and the ledger."),
  workers: z
    .union([z.literal("auto"), z.int().min(1).max(256)])
    .default("auto")
    .describe(
      "Worker processes that take events in on one port, each with its own journal slot. auto: one per core that the process may use.",
    ),
  supervisor: supervisorConfig.describe("How dead and hanging workers are replaced."),
  journal: journalConfig.describe("The append-only log that holds accepted events until every sink has them."),
  quarantine: rejectLogConfig("./data/quarantine").describe(
    "Where events that failed validation are kept, with the reasons.",
  ),
  deadLetters: rejectLogConfig("./data/dead-letters").describe(
    "Where events that a sink refused for good are kept, with its answer.",
  ),
  schemas: schemasConfig.describe("JSON Schemas of the events, one per event type and version."),
  sources: z.array(sourceConfig).min(1).describe("Who may send events. Each source has its own write keys and rules."),
  sinks: z
    .array(sinkConfig)
    .min(1)
    .describe("Where events go. Each sink gets every event that its `when` lets through."),
  readiness: z
    .strictObject({
      sinkDeadMs: z
        .int()
        .min(1000)
        .default(60_000)
        .describe(
          "A required sink that failed for longer, in milliseconds, makes the node not ready once the journal is nearly full.",
        ),
      journalFraction: z
        .number()
        .min(0.01)
        .max(1)
        .default(0.8)
        .describe("What counts as nearly full, as a part of journal.maxBytes."),
    })
    .prefault({})
    .describe("When `/readyz` says no, so that a load balancer sends events elsewhere."),
  shutdown: z
    .strictObject({
      preStopMs: z
        .int()
        .min(0)
        .max(600_000)
        .default(0)
        .describe("After SIGTERM, go on serving for this long while not ready, in milliseconds."),
      drainMs: z
        .int()
        .min(100)
        .max(3_600_000)
        .default(30_000)
        .describe(
          "Longest time from SIGTERM to the exit, in milliseconds. `preStopMs` and `lifeboat.reserveMs` are part of it, and so are 1500 ms, or half of it when that is less, for saving and ending; the sinks have the rest.",
        ),
      lifeboat: lifeboatConfig
        .optional()
        .describe(
          "Where what the sinks could not take at a shutdown is copied, for another node to deliver (`millrace journal import`). It also stays in the journal.",
        ),
    })
    .superRefine(({ preStopMs, drainMs, lifeboat }, context) => {
      const closingMs = closingTimeMs(drainMs);
      const reserveMs = lifeboat?.reserveMs ?? 0;
      if (preStopMs + reserveMs + closingMs < drainMs) return;
      const boat = lifeboat === undefined ? "" : ` + lifeboat.reserveMs ${reserveMs}`;
      const message = `leaves the sinks no time: preStopMs ${preStopMs}${boat} + ${closingMs} for saving and ending must be less than drainMs ${drainMs}`;
      context.addIssue({ code: "custom", message });
    })
    .prefault({})
    .describe("How the collector stops."),
  log: z
    .strictObject({
      level: z.enum(["trace", "debug", "info", "warn", "error"]).default("info").describe("Least severe line to log."),
    })
    .prefault({})
    .describe("The collector's own log, on standard error."),
});

export type MillraceConfig = z.infer<typeof fields>;

/** The fields, and what must hold between them, which is checked even where some are wrong: all problems are told at once. */
export const millraceConfig = fields.superRefine(
  (config, context) => {
    for (const { path, message } of contradictions(config)) context.addIssue({ code: "custom", path, message });
  },
  { when: () => true },
);

function nodeName(): string {
  const name = hostname()
    .replaceAll(/[^A-Za-z0-9._-]/g, "-")
    .slice(0, 63);
  return /^[A-Za-z0-9]/.test(name) ? name : "node";
}
