import { valueAt } from "./event-pointer.ts";
import { visitSchemas } from "./schema-tree.ts";

/*
 * What each `$ref` means, for the words only: Ajv resolves references by itself and does not tell. Keyed
 * by the schema objects, so an entry lives as long as the schemas it belongs to.
 */
const targets = new WeakMap<object, unknown>();

/** Documents by URL, without fragments. */
export type DocumentTable = Map<string, unknown>;

/** Adds a document to the table under its own URL, and under its `$id` if it has one. Returns the base of its references. */
export function addDocument(documents: DocumentTable, url: string, document: unknown): string {
  const id = valueAt(document, "/$id");
  const base = typeof id === "string" ? withoutFragment(id, url) : url;
  documents.set(url, document).set(base, document);
  return base;
}

/** Notes where the references in a document lead, once all documents are in the table. Anchors are left out. */
export function noteReferences(documents: DocumentTable, base: string, document: unknown): void {
  visitSchemas(document, (schema) => {
    const { $ref: reference } = schema;
    const target = typeof reference === "string" ? URL.parse(reference, base) : null;
    if (target === null) return;
    const pointer = decodeURIComponent(target.hash.slice(1));
    if (pointer !== "" && !pointer.startsWith("/")) return;
    targets.set(schema, valueAt(documents.get(withoutFragment(target.href, base)), pointer));
  });
}

/** What the schema's own `$ref` leads to; `undefined` without one, or when it is an anchor. */
export function referenceTarget(schema: object): unknown {
  return targets.get(schema);
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
