/**
 * Attributes that only the collector sets. What a sender writes under these names is
 * taken out, since nobody could tell it from what the collector saw.
 */
const COLLECTOR_ATTRIBUTES: ReadonlySet<string> = new Set([
  "clientip",
  "collector",
  "idassigned",
  "receivedtime",
  "sendersource",
  "useragent",
  "via",
]);

/**
 * What becomes of a sender's top-level member on the way into the canonical event:
 * `source` is renamed to `sendersource`, since `source` is the collector's name for
 * the origin; `specversion` and the collector's own attributes are taken out, since
 * the collector writes them itself.
 */
export function attributeFate(name: string): "keep" | "rename" | "remove" {
  if (name === "source") return "rename";
  if (name === "specversion" || COLLECTOR_ATTRIBUTES.has(name)) return "remove";
  return "keep";
}

/** The names CloudEvents 1.0 allows for extension attributes; without upper case, `_` and `-` they survive every transport. */
export function isExtensionName(name: string): boolean {
  return /^[a-z0-9]+$/.test(name);
}
