import { z } from "zod";
import { EVERY, pointerSteps, touches } from "../json-pointer.ts";

/** Attributes without which a stored event would not be one, and those that the collector writes. */
const FIXED = new Set(["id", "type", "time", "specversion"]);
const COLLECTORS = new Set(["clientip", "collector", "idassigned", "receivedtime", "sendersource", "useragent", "via"]);

const MAX_POINTER_CHARS = 512;

const pointer = z
  .string()
  .max(MAX_POINTER_CHARS)
  .refine((text) => pointerSteps(text) !== undefined, {
    error: "is a JSON Pointer into the event: /data/email, with ~1 for / and ~0 for ~ in a name",
  });

/** Options of a source for what is added to its events, taken out of them, and not stored at all. */
export const enrichmentFields = {
  userAgent: z
    .enum(["raw", "parsed", "none"])
    .default("raw")
    .describe(
      "The User-Agent in events. raw: as `useragent`. parsed: as `browser`, `browserversion`, `os`, `osversion` and `device`, without the text; about 15 µs for each user agent that is new. none: not at all.",
    ),
  bots: z
    .enum(["off", "flag", "drop"])
    .default("off")
    .describe(
      "What to do with requests whose User-Agent is that of a bot or a program. flag: their events get `isbot: true`. drop: they are answered as accepted, counted, and not stored. About 5 µs for each user agent that is new.",
    ),
  geo: z
    .strictObject({
      file: z.string().min(1).describe("MaxMind database of cities or countries (.mmdb). Read again when it changes."),
    })
    .optional()
    .describe(
      "Adds `geocountry`, `georegion` and `geocity`, looked up by the whole address before `clientIp` shortens it. Each worker holds the file in memory. Default: no look-up.",
    ),
  redact: z
    .array(
      z.strictObject({
        pointer: pointer
          .refine(
            (text) => {
              const steps = pointerSteps(text);
              return steps === undefined || steps[0] !== EVERY;
            },
            { error: "begins with a name: * would take the event's id and type too" },
          )
          .refine((text) => !FIXED.has(topOf(text)), {
            error: "names an attribute that every event has; take fields of data, or extension attributes",
          })
          .refine((text) => !COLLECTORS.has(topOf(text)), {
            error: "names an attribute that the collector writes; see clientIp and userAgent",
          })
          .describe(
            "JSON Pointer into the event, such as `/data/email`. The step `*` stands for every element or member. It goes on into strings that hold JSON: `/segment/context/ip`.",
          ),
        action: z
          .enum(["remove", "hash"])
          .describe(
            "remove: the field goes. hash: it becomes 32 hexadecimal digits of HMAC-SHA-256 with `hashSecret`.",
          ),
      }),
    )
    .max(100)
    .default([])
    .describe(
      "Fields that must not be stored, neither in the journal nor in the quarantine. The rest stays byte for byte. Costs another look at each byte of an event.",
    ),
  hashSecret: z
    .string()
    .min(16)
    .max(1024)
    .optional()
    .describe("Key of the hashes of `redact`. The same key makes the same hashes, everywhere and for ever."),
  sample: z
    .strictObject({
      rate: z.number().min(0).max(1).describe("Share of the keys whose events are stored: 0.1 is a tenth."),
      by: z
        .union([z.literal("id"), pointer])
        .default("id")
        .describe(
          "What decides: `id`, or a JSON Pointer such as `/data/userId`, so that a user is in it wholly or not.",
        ),
    })
    .optional()
    .describe("Stores only a part of the events, chosen by a hash of their key. Default: all."),
  dedupe: z
    .strictObject({
      windowMs: z
        .int()
        .min(1000)
        .max(86_400_000)
        .default(600_000)
        .describe("How long the id of a stored event is remembered, in milliseconds."),
      maxIds: z
        .int()
        .min(1)
        .max(1_000_000)
        .default(100_000)
        .describe("How many ids each worker remembers, at about 200 bytes each; past it the oldest are forgotten."),
    })
    .optional()
    .describe(
      "Does not store an event whose id the same worker has stored for this source not long ago. Default: every event is stored.",
    ),
};

const fields = z.object(enrichmentFields);

export type EnrichmentConfig = z.infer<typeof fields>;

export interface EnrichmentProblem {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** What does not fit together. */
export function enrichmentProblems({ redact, hashSecret, sample }: EnrichmentConfig): EnrichmentProblem[] {
  const problems: EnrichmentProblem[] = [];
  const hashed = redact.findIndex(({ action }) => action === "hash");
  if (hashed >= 0 && hashSecret === undefined) {
    const message = "needs hashSecret: a hash without a key can be undone by trying all values";
    problems.push({ path: ["redact", hashed, "action"], message });
  }
  const by = sample === undefined || sample.by === "id" ? undefined : pointerSteps(sample.by);
  if (by === undefined) return problems;
  if (by.includes(EVERY)) {
    problems.push({ path: ["sample", "by"], message: "names one value: * is not for it" });
  }
  const removed = redact.some(({ pointer: text, action }) => {
    const steps = pointerSteps(text);
    return action === "remove" && steps !== undefined && steps.length <= by.length && touches(steps, by);
  });
  if (removed) {
    const message = "is removed by redact before it is looked at; use action hash, or another key";
    problems.push({ path: ["sample", "by"], message });
  }
  return problems;
}

function topOf(text: string): string {
  return pointerSteps(text)?.[0] ?? "";
}
