import type { CollectedEvent } from "../../core/event.ts";

const PLACEHOLDER = /\{(source|type)\}/g;
const TOKEN = /^[A-Za-z0-9_-]+$/;

/**
 * Whether the text is a subject, once values stand for `{source}` and `{type}`. The first token is
 * fixed, and none begins with `$` or is an inbox's, so that no event gets into the server's own subjects.
 */
export function isSubjectTemplate(text: string): boolean {
  const tokens = text.replaceAll(PLACEHOLDER, "x").split(".");
  const [first = ""] = text.split(".");
  return (
    tokens.every((token) => TOKEN.test(token)) && first.replaceAll(PLACEHOLDER, "") === first && first !== "_INBOX"
  );
}

/** The subject of an event by a template. Dots of a type part tokens; what no token may have becomes `_`. */
export function subjectOf(template: string, event: Pick<CollectedEvent, "source" | "type">): string {
  return template.replaceAll(PLACEHOLDER, (_, field: "source" | "type") =>
    event[field]
      .split(".")
      .map((token) => token.replaceAll(/[^A-Za-z0-9_-]/g, "_") || "_")
      .join("."),
  );
}

/** The narrowest wildcard that covers every subject of a template: `events.>` for `events.{source}.{type}`. */
export function coverOf(template: string): string {
  const tokens = template.split(".");
  const first = tokens.findIndex((token) => token.includes("{"));
  return first === -1 ? template : [...tokens.slice(0, first), ">"].join(".");
}

/** Whether every subject that `narrow` matches is matched by `wide`, both of them subjects with or without wildcards. */
export function covers(wide: string, narrow: string): boolean {
  const [wideTokens, narrowTokens] = [wide.split("."), narrow.split(".")];
  for (const [at, token] of wideTokens.entries()) {
    const other = narrowTokens[at];
    if (other === undefined) return false;
    if (token === ">") return true;
    if (token === "*" ? other === ">" : token !== other) return false;
  }
  return wideTokens.length === narrowTokens.length;
}
