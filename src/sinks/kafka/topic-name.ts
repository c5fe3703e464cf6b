import type { CollectedEvent } from "../../core/event.ts";

/** Longest name of a topic (`Topic.MAX_NAME_LENGTH` of Apache Kafka). */
const MAX_CHARS = 249;
const PLACEHOLDER = /\{(source|type)\}/g;

/**
 * Whether the text is a topic's name, once values stand for `{source}` and `{type}`. It does not begin with a type, which
 * a sender chooses: it could be `_schemas`, or any other topic of the cluster.
 */
export function isTopicTemplate(text: string): boolean {
  if (text.startsWith("{type}")) return false;
  const name = text.replaceAll(PLACEHOLDER, "x");
  return /^[\w.-]{1,249}$/.test(name) && name !== "." && name !== "..";
}

export function hasPlaceholder(text: string): boolean {
  return text.replaceAll(PLACEHOLDER, "") !== text;
}

/** The topic of an event by a template. What no topic's name may have becomes `_`, so different types can share one. */
export function topicName(template: string, event: Pick<CollectedEvent, "source" | "type">): string {
  const name = template.replaceAll(PLACEHOLDER, (_, field: "source" | "type") => {
    return event[field].replaceAll(/[^A-Za-z0-9._-]/g, "_");
  });
  if (name === "." || name === "..") return "_";
  return name.slice(0, MAX_CHARS);
}
