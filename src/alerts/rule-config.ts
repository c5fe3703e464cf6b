import { z } from "zod";
import { nameField } from "../core/config-fields.ts";

const DAY_MS = 86_400_000;

const GROUP_BY = /^(type|source|(\/([^~/]|~[01])*)+)$/;

/** Set by what the rule is, or the same for all. */
const OWN_LABELS: ReadonlySet<string> = new Set(["alertname", "severity", "job"]);

/** What rules over events and rules on the collector have in common: how an alert begins, ends and is told. */
const ruleFields = {
  name: nameField.describe(
    "Name of the rule, unique among the rules of the sink. Alertmanager knows it as `alertname`.",
  ),
  severity: z
    .enum(["info", "warning", "critical"])
    .default("warning")
    .describe("How bad it is, for the message and as a label in Alertmanager."),
  description: z
    .string()
    .max(500)
    .optional()
    .describe("A sentence for who gets the message: what it means, what to do."),
  link: z
    .string()
    .max(1_000)
    .optional()
    .describe(
      "A URL for the message. `{rule}`, `{node}` and each entry of `groupBy` in braces, such as `{/data/release}`, are filled in, escaped.",
    ),
  labels: z
    .record(z.string(), z.string().max(200))
    .superRefine((labels, context) => {
      for (const label of Object.keys(labels)) {
        const isName = /^[A-Za-z_][A-Za-z0-9_]*$/.test(label);
        const message = isName
          ? "is set already; choose another name"
          : "the name of a label has letters, digits and _";
        if (!isName || OWN_LABELS.has(label)) context.addIssue({ code: "custom", path: [label], message });
      }
    })
    .default({})
    .describe("Further labels for Alertmanager, such as `team`. The same on every node, or their alerts do not join."),
  forMs: z
    .int()
    .min(0)
    .max(DAY_MS)
    .default(0)
    .describe("How long the condition must hold before the alert fires, in milliseconds."),
  resolveAfterMs: z
    .int()
    .min(0)
    .max(DAY_MS)
    .default(60_000)
    .describe("How long the condition must not hold before the alert is resolved, in milliseconds."),
  repeatEveryMs: z
    .int()
    .min(0)
    .max(30 * DAY_MS)
    .default(4 * 3_600_000)
    .describe("While the alert fires, say so again this often, in milliseconds. 0: never."),
  minGapMs: z
    .int()
    .min(0)
    .max(DAY_MS)
    .default(60_000)
    .describe(
      "After a message about a group, an alert that fires again waits until so much time has passed, in milliseconds. What was not told meanwhile is counted in the next message.",
    ),
  channels: z.array(nameField).min(1).optional().describe("Names of the channels to tell. Default: all."),
};

export const eventRule = z
  .strictObject({
    ...ruleFields,
    when: z.string().min(1).describe("CEL expression over the event; events for which it is true are counted."),
    groupBy: z
      .array(z.string().regex(GROUP_BY, "`type`, `source`, or a JSON Pointer such as /data/release"))
      .max(4)
      .default([])
      .describe(
        "Count for each value apart: `type`, `source`, or JSON Pointers into the event. Events without a value form a group of their own.",
      ),
    moreThan: z
      .int()
      .min(0)
      .max(1_000_000_000)
      .optional()
      .describe("The alert fires when more events than this were received within `withinMs`."),
    lessThan: z
      .int()
      .min(1)
      .max(1_000_000_000)
      .optional()
      .describe(
        "Instead of `moreThan`: the alert fires when fewer events than this were received within `withinMs`. 1: none at all. Judged once the collector has run for that long, and only while the sink keeps up.",
      ),
    withinMs: z
      .int()
      .min(1_000)
      .max(DAY_MS)
      .default(300_000)
      .describe("The window, in milliseconds. It moves on in steps of a sixtieth."),
    maxGroups: z
      .int()
      .min(1)
      .max(10_000)
      .default(1_000)
      .describe("Most groups that are counted apart at a time. Events of further groups are counted together."),
  })
  .refine((rule) => (rule.moreThan === undefined) !== (rule.lessThan === undefined), {
    path: ["moreThan"],
    error: "give either moreThan or lessThan",
  })
  .refine((rule) => rule.lessThan === undefined || rule.groupBy.length === 0, {
    path: ["groupBy"],
    error: "nobody knows which groups are missing: with lessThan write a rule for each, with its own `when`",
  });

/** What a rule on the collector can look at; each is `above` a number or not. */
export const WATCHES = [
  "invalidRatio",
  "deadLetters",
  "sinkLagMs",
  "sinkLagEvents",
  "sinkFailingMs",
  "journalFraction",
  "workerRestarts",
] as const;

/** Those that count what happens in a window. The others are as they are now. */
const WINDOWED: ReadonlySet<string> = new Set(["invalidRatio", "deadLetters", "workerRestarts"]);
const OF_SINKS: ReadonlySet<string> = new Set(["deadLetters", "sinkLagMs", "sinkLagEvents", "sinkFailingMs"]);

export const collectorRule = z
  .strictObject({
    ...ruleFields,
    watch: z
      .enum(WATCHES)
      .describe(
        "`invalidRatio`: quarantined events of a source as a part of all it sent, 0 to 1. `deadLetters`: events that a sink refused for good. `sinkLagMs`, `sinkLagEvents`: how far a sink is behind. `sinkFailingMs`: for how long a sink has taken nothing. `journalFraction`: the fullest journal slot as a part of `journal.maxBytes`, 0 to 1. `workerRestarts`: workers that were replaced.",
      ),
    above: z.number().min(0).describe("The alert fires when the figure is above this."),
    withinMs: z
      .int()
      .min(10_000)
      .max(DAY_MS)
      .optional()
      .describe(
        "For `invalidRatio`, `deadLetters` and `workerRestarts`: the window, in milliseconds. Default: 300000 (5 min).",
      ),
    minEvents: z
      .int()
      .min(1)
      .optional()
      .describe("For `invalidRatio`: the ratio of fewer events than this in the window says nothing. Default: 100."),
    sinks: z
      .array(nameField)
      .min(1)
      .optional()
      .describe("For what is about a sink: names of the sinks to watch. Default: all."),
  })
  .refine((rule) => rule.withinMs === undefined || WINDOWED.has(rule.watch), {
    path: ["withinMs"],
    error: "has no meaning for this figure, which is as it is now; forMs says how long it must be so",
  })
  .refine((rule) => rule.minEvents === undefined || rule.watch === "invalidRatio", {
    path: ["minEvents"],
    error: "only invalidRatio has it",
  })
  .refine((rule) => rule.sinks === undefined || OF_SINKS.has(rule.watch), {
    path: ["sinks"],
    error: "this figure is not about a sink",
  })
  .refine((rule) => rule.above < 1 || (rule.watch !== "invalidRatio" && rule.watch !== "journalFraction"), {
    path: ["above"],
    error: "this figure is at most 1, which 1 is not below; give a part such as 0.05",
  });

export type EventRuleConfig = z.infer<typeof eventRule>;
export type CollectorRuleConfig = z.infer<typeof collectorRule>;
export type RuleConfig = EventRuleConfig | CollectorRuleConfig;
