/** What a version may be called: `1`, `2`, `1-0-2`, `2.1.0`. */
export const VERSION_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

/** How Snowplow's registries name a schema: `iglu:com.acme/checkout.paid/jsonschema/1-0-0`. */
const IGLU = /^iglu:[^/]+\/([^/]+)\/[^/]+\/([^/]+)$/;

/**
 * The version that a `dataschema` names for an event of the given type: a bare version, the
 * last segment of anything that ends with `<type>/<version>`, such as our own links, or that of an Iglu
 * URI. `undefined` when it names none: a link to a schema elsewhere is the sender's own affair.
 */
export function versionNamed(dataschema: string, type: string): string | undefined {
  if (VERSION_NAME.test(dataschema)) return dataschema;
  const [, igluType, igluVersion = ""] = IGLU.exec(dataschema) ?? [];
  if (igluType === type && VERSION_NAME.test(igluVersion)) return igluVersion;
  const path = /^[^?#]*/.exec(dataschema)?.[0] ?? "";
  const slash = path.lastIndexOf("/");
  if (slash < 1) return undefined;
  const version = path.slice(slash + 1).replace(/\.json$/, "");
  if (!VERSION_NAME.test(version)) return undefined;
  const parent = path.slice(path.lastIndexOf("/", slash - 1) + 1, slash);
  return parent === type || parent === encodeURIComponent(type) ? version : undefined;
}

const byNumber = new Intl.Collator("en", { numeric: true });

/** Orders versions with numbers by value: `2` before `10`, `1-0-2` before `1-0-10`. */
export function compareVersions(a: string, b: string): number {
  return byNumber.compare(a, b) || (a < b ? -1 : Number(a > b));
}

/** Whether a `dataschema` has a version because it must, also for a type whose schema here has none. */
export function mustHaveVersion(dataschema: string): boolean {
  return dataschema.startsWith("iglu:");
}

/** Of a type's schemas the one for events that name no version: the unversioned, else the highest version. */
export function preferredVersion<Schema extends { readonly version: string | undefined }>(
  schemas: readonly Schema[],
): Schema | undefined {
  const sorted = schemas.toSorted((a, b) => compareVersions(a.version ?? "", b.version ?? ""));
  return sorted.find((schema) => schema.version === undefined) ?? sorted.at(-1);
}
