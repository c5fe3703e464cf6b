import { existsSync, readFileSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { expect } from "vitest";

/** What a test has seen of one client: a row of the table in `docs/conformance.md`. */
export interface ConformanceRow {
  readonly protocol: string;
  /** Name of its package. The version is looked up. */
  readonly client: string;
  /** What the client was told to send, in words. */
  readonly sent: string;
  /** What was in the sink's files, in words, with numbers. */
  readonly arrived: string;
  /** How the client itself said that it had been taken, such as the callback that was called. */
  readonly clientSaw: string;
}

const RESULTS = path.join(import.meta.dirname, "results");

/**
 * Compares with the row that is committed, of which the table in the docs is made. With
 * MILLRACE_UPDATE_CONFORMANCE=1 it writes the row instead.
 *
 * @param name of the file, such as `segment-node`
 */
export async function conforms(name: string, row: ConformanceRow): Promise<void> {
  const file = path.join(RESULTS, `${name}.json`);
  const seen = { ...row, version: versionOf(row.client) };
  if (process.env["MILLRACE_UPDATE_CONFORMANCE"] === "1") {
    await mkdir(RESULTS, { recursive: true });
    await writeFile(file, `${JSON.stringify(seen, undefined, 2)}\n`);
    return;
  }
  expect(seen).toEqual(JSON.parse(await readFile(file, "utf8")));
}

/** Of an installed package; empty for what is none, such as an API of browsers. */
function versionOf(client: string): string {
  const require = createRequire(import.meta.url);
  // Not through `exports`, which seldom names it.
  const manifest = require.resolve
    .paths(client)
    ?.map((dir) => path.join(dir, client, "package.json"))
    .find((each) => existsSync(each));
  return manifest === undefined ? "" : (JSON.parse(readFileSync(manifest, "utf8")) as { version: string }).version;
}
