import { parse } from "yaml";
import { z } from "zod";
import { JSON_POINTER } from "../core/event-value.ts";
import { MillraceError } from "../core/errors.ts";
import { nearestName } from "../core/nearest-name.ts";
import { Filter } from "../pipeline/filter.ts";
import type { Json } from "./exact-json.ts";

const pointer = z
  .string()
  .regex(JSON_POINTER, "a JSON Pointer such as /data/total: each name after a /, with ~1 for / and ~0 for ~");

const json: z.ZodType<Json> = z.lazy(() =>
  z.union([z.null(), z.boolean(), z.number(), z.string(), z.array(json), z.record(z.string(), json)]),
);

/** What values can be cast to. */
export const CASTS = ["string", "number", "integer", "boolean", "timestamp"] as const;

const operation = z.union(
  [
    z
      .strictObject({
        rename: pointer.describe("Where the value is."),
        to: pointer.describe("Where it goes; what is there is replaced."),
      })
      .describe("Moves a value. Nothing happens where there is none."),
    z
      .strictObject({ cast: pointer, to: z.enum(CASTS) })
      .describe(
        'Changes a value\'s type without changing what it says: "12.50" to 12.50. Nothing happens where there is none.',
      ),
    z.strictObject({ default: pointer, value: json }).describe("Sets a value that is missing or null."),
    z.strictObject({ set: pointer, value: json }).describe("Sets a value, whether it is there or not."),
    z.strictObject({ remove: pointer }).describe("Takes a value out."),
  ],
  { error: ({ input }) => wrongOperation(input) },
);

export type EditOperation = z.infer<typeof operation>;

const FORMS: Readonly<Record<string, string>> = {
  rename: "{ rename: /data/sum, to: /data/total }",
  cast: `{ cast: /data/total, to: TYPE } with a TYPE of ${CASTS.join(", ")}`,
  default: "{ default: /data/currency, value: EUR }",
  set: "{ set: /data/release, value: 1 }",
  remove: "{ remove: /data/debug }",
};

/** How the operation that was meant is written. */
function wrongOperation(found: unknown): string {
  const names = typeof found === "object" && found !== null ? Object.keys(found) : [];
  const meant = names
    .map((name) => (name in FORMS ? name : nearestName(name, Object.keys(FORMS))))
    .find((name) => name !== undefined);
  return meant === undefined
    ? `expected one of ${Object.keys(FORMS).join(", ")}`
    : `expected ${FORMS[meant] ?? ""}, where paths are JSON Pointers`;
}

const editsFile = z.strictObject({
  edits: z
    .array(
      z.strictObject({
        when: z.string().min(1).optional().describe("CEL over the event, as in a sink; default: every event."),
        do: z.array(operation).min(1, "expected at least one operation"),
      }),
    )
    .min(1),
});

export interface EditRule {
  readonly when: Filter | undefined;
  readonly operations: readonly EditOperation[];
}

/** Reads a file of edit rules, in YAML or JSON. Throws `edit_invalid` with all that is wrong, and `filter_invalid`. */
export function parseEditRules(text: string, file: string): EditRule[] {
  let document: unknown;
  try {
    document = parse(text);
  } catch (error) {
    throw invalid(file, [error instanceof Error ? error.message : String(error)]);
  }
  const found = editsFile.safeParse(document);
  if (!found.success) {
    throw invalid(
      file,
      found.error.issues.map(({ path, message }) => `${path.join(".") || "the file"}: ${message}`),
    );
  }
  return found.data.edits.map(({ when, do: operations }) => ({
    when: when === undefined ? undefined : new Filter(when),
    operations,
  }));
}

function invalid(file: string, problems: readonly string[]): MillraceError {
  return new MillraceError(
    "edit_invalid",
    `the edit rules in ${file} cannot be used: ${problems.join("; ")}. ` +
      "Each rule has `do`, a list of rename, cast, default, set and remove, and may have `when`.",
  );
}
