import { z } from "zod";
import { channel } from "../../alerts/channel-config.ts";
import { collectorRule, eventRule } from "../../alerts/rule-config.ts";
import { byteSize, sinkFields } from "../../core/config-fields.ts";

const MIB = 1024 ** 2;

/** More would keep counts from where they are judged for longer than absence may be judged late. */
const MAX_AGE_MS = 3_000;

const batch = z
  .strictObject({
    maxEvents: z.int().min(1).max(2_000).default(1_000).describe("Most events that are counted at a time."),
    maxBytes: byteSize({ min: 1024, max: 16 * MIB })
      .prefault("4MiB")
      .describe("Most bytes of events that are counted at a time. A larger event is dead-lettered."),
    maxAgeMs: z
      .int()
      .min(1)
      .max(MAX_AGE_MS)
      .default(500)
      .describe("Longest wait before events are counted, in milliseconds."),
  })
  .prefault({});

export const notifyConfig = z
  .strictObject({
    ...sinkFields,
    type: z.literal("notify"),
    required: z
      .boolean()
      .default(false)
      .describe(
        "Whether `?ack=delivered` waits until an event was counted, and a failure to count can make the collector not ready.",
      ),
    rules: z
      .array(eventRule)
      .max(100)
      .default([])
      .describe("Rules over events: how many of which kind, within which time, make an alert."),
    collector: z
      .array(collectorRule)
      .max(100)
      .default([])
      .describe("Rules on the collector itself: which of its figures make an alert."),
    channels: z.array(channel).min(1).max(20).describe("Who is told of alerts, and how."),
    batch: batch.describe("When events are counted."),
  })
  .superRefine(({ rules, collector, channels }, context) => {
    const report = (path: (string | number)[], message: string) => context.addIssue({ code: "custom", path, message });
    if (rules.length + collector.length === 0)
      report(["rules"], "there is nothing to tell: give rules, collector, or both");
    const names = new Set<string>();
    for (const [list, named] of Object.entries({ rules, collector, channels })) {
      // Channels have names of their own.
      if (list === "channels") names.clear();
      for (const [index, { name }] of named.entries()) {
        if (names.has(name)) report([list, index, "name"], `another one is called ${name} too; names are unique`);
        names.add(name);
      }
    }
    for (const [list, named] of Object.entries({ rules, collector })) {
      for (const [index, rule] of named.entries()) {
        const unknown = rule.channels?.find((name) => !names.has(name));
        if (unknown !== undefined) report([list, index, "channels"], `there is no channel ${unknown}`);
      }
    }
  });

export type NotifyConfig = z.infer<typeof notifyConfig>;
