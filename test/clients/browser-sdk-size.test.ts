import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { expect, test } from "vitest";

const ROOT = path.join(import.meta.dirname, "../..");
const SDK = path.join(ROOT, "src/browser");

/** Of a page's bundle that has these names of the SDK, as it is sent. */
async function gzipBytes(names: string): Promise<number> {
  const { outputFiles } = await build({
    stdin: { contents: `export ${names} from "./browser.ts"`, resolveDir: SDK, loader: "ts" },
    bundle: true,
    minify: true,
    format: "iife",
    globalName: "millrace",
    target: "es2022",
    write: false,
  });
  return gzipSync(Buffer.concat(outputFiles.map(({ contents }) => contents)), { level: 9 }).length;
}

test("the core has at most 5 KB compressed, and with all that is captured 9 KB", async () => {
  const core = await gzipBytes("{ createMillrace }");
  const all = await gzipBytes("*");
  if (process.env["MILLRACE_SHOW_FIGURES"] === "1") console.log({ core, all });
  expect(core).toBeLessThanOrEqual(5_000);
  expect(all).toBeLessThanOrEqual(9_000);
});

test("the compiler holds the data of each event against its type", async () => {
  const dir = await mkdtemp(path.join(ROOT, "test/clients/types-"));
  try {
    const lines = [
      `import { createMillrace } from "../../../src/browser/browser.ts";`,
      `interface MillraceEvents { "checkout.paid": { total: number }; "page.left": undefined | { to: string } }`,
      `const client = createMillrace<MillraceEvents>({ url: "https://collector.example", key: "wk" });`,
      `client.track("checkout.paid", { total: 12 }, { attributes: { userid: "u1" } });`,
      `client.track("page.left");`,
      `createMillrace({ url: "https://collector.example", key: "wk" }).track("anything", { at: "all" });`,
      `client.track("checkout.paid", { total: "12" });`,
      `client.track("checkout.paid");`,
      `client.track("checkout.payed", { total: 12 });`,
    ];
    await writeFile(path.join(dir, "page.ts"), lines.join("\n"));
    const extended = { extends: path.join(SDK, "tsconfig.json"), include: ["."] };
    await writeFile(path.join(dir, "tsconfig.json"), JSON.stringify(extended));
    const tsc = path.join(ROOT, "node_modules/.bin/tsc");
    const output = await promisify(execFile)(tsc, ["--noEmit", "--pretty", "false", "-p", dir]).then(
      ({ stdout }) => stdout,
      (error: { stdout: string }) => error.stdout,
    );
    const wrong = [...output.matchAll(/page\.ts\((\d+),\d+\): error/g)].map(([, line]) => Number(line));
    expect(wrong).toEqual([7, 8, 9]);
  } finally {
    await rm(dir, { recursive: true });
  }
});
