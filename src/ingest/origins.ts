const WILDCARD = "://*.";

/**
 * True for `"*"`, for an origin exactly as browsers send it, and for one whose host
 * begins with `*.`.
 */
export function isOriginPattern(pattern: string): boolean {
  if (pattern === "*") return true;
  const origin = pattern.replace(WILDCARD, "://any.");
  if (origin.includes("*")) return false;
  if (/^https?:/.test(origin)) return URL.canParse(origin) && new URL(origin).origin === origin;
  // Web views have schemes of their own, such as capacitor://localhost, whose origin URL calls opaque.
  return /^[a-z][a-z0-9+.-]*:\/\/[a-z0-9._-]+(:\d{1,5})?$/.test(origin);
}

/** Which web origins a source lists. */
export class Origins {
  /** Every origin is allowed, without credentials. */
  readonly any: boolean;
  readonly #exact = new Set<string>();
  readonly #subdomainsOf: { readonly prefix: string; readonly suffix: string }[] = [];

  constructor(patterns: readonly string[]) {
    this.any = patterns.includes("*");
    for (const pattern of patterns) {
      const wildcard = pattern.indexOf(WILDCARD);
      if (wildcard < 0) this.#exact.add(pattern);
      else {
        const prefix = pattern.slice(0, wildcard + "://".length);
        this.#subdomainsOf.push({ prefix, suffix: pattern.slice(prefix.length + 1) });
      }
    }
  }

  /** True when the origin is listed by name or as a subdomain, which is more than `any` allows. */
  lists(origin: string): boolean {
    if (origin === "*") return false;
    if (this.#exact.has(origin)) return true;
    for (const { prefix, suffix } of this.#subdomainsOf) {
      if (!origin.startsWith(prefix) || !origin.endsWith(suffix)) continue;
      // The part that stands for the star is labels of a host name, so it cannot smuggle in another host.
      if (/^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/.test(origin.slice(prefix.length, -suffix.length))) return true;
    }
    return false;
  }
}
