import { valueAt } from "./event-pointer.ts";
import { visitSchemas } from "./schema-tree.ts";

/*
 * What each `$ref` means, for the words only: Ajv resolves references by itself and does not tell. Keyed
 * by the schema objects, so an entry lives as long as the schemas it belongs to.
 */
const targets = new WeakMap<object, unknown>();

/** Notes where the references in the documents lead, given the URL of each. References to anchors are left out. */
export function noteReferences(documents: ReadonlyMap<string, unknown>): void {
  const byUrl = new Map(documents);
  for (const [url, document] of documents) {
    const id = valueAt(document, "/$id");
    if (typeof id === "string") byUrl.set(withoutFragment(id, url), document);
  }
  for (const [url, document] of byUrl) {
    visitSchemas(document, (schema) => {
      const { $ref: reference } = schema;
      const target = typeof reference === "string" ? URL.parse(reference, url) : null;
      if (target === null) return;
      const pointer = decodeURIComponent(target.hash.slice(1));
      if (pointer !== "" && !pointer.startsWith("/")) return;
      targets.set(schema, valueAt(byUrl.get(withoutFragment(target.href, url)), pointer));
    });
  }
}

/** The schema itself, or what its `$ref` leads to. */
export function resolveReference(schema: unknown): unknown {
  let resolved = schema;
  // A reference to a reference is common; a circle of them is possible.
  for (let steps = 0; steps < 8; steps++) {
    const target = typeof resolved === "object" && resolved !== null ? targets.get(resolved) : undefined;
    if (target === undefined) break;
    resolved = target;
  }
  return resolved;
}

function withoutFragment(reference: string, base: string): string {
  const url = URL.parse(reference, base);
  if (url === null) return reference;
  url.hash = "";
  return url.href;
}
