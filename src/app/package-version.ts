import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

/** The version in package.json, which lies one folder above both `src` and `dist`. */
export function packageVersion(): string {
  const parsed: { readonly version?: unknown } = JSON.parse(
    readFileSync(new URL("../../package.json", import.meta.url), "utf8"),
  );
  assert(typeof parsed.version === "string", "a package has a version");
  return parsed.version;
}
