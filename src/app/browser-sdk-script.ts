import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { BrowserSdk } from "../ingest/browser-sdk.ts";

const BUILT = new URL("../browser/sdk.js", import.meta.url);
const SOURCE = fileURLToPath(new URL("../browser/browser.ts", import.meta.url));

/** Its license wants the notice to go with every copy, and its build has none. */
export const WEB_VITALS_NOTICE = "/*! With web-vitals, (c) Google LLC, Apache-2.0 */";

let loading: Promise<BrowserSdk | undefined> | undefined;

/** The SDK as `npm run build` has made it; in a checkout that runs from its source, made now. Loaded once. */
export function browserSdk(): Promise<BrowserSdk | undefined> {
  loading ??= readFile(BUILT)
    .catch(bundleBrowserSdk)
    .then(
      (script) => new BrowserSdk(script),
      // The bundler is for development only.
      () => undefined,
    );
  return loading;
}

/** One script with all of the SDK, whose one global is `millrace`. */
export async function bundleBrowserSdk(): Promise<Buffer> {
  const { build, stop } = await import("esbuild");
  try {
    const { outputFiles } = await build({
      entryPoints: [SOURCE],
      bundle: true,
      minify: true,
      format: "iife",
      globalName: "millrace",
      target: "es2022",
      banner: { js: WEB_VITALS_NOTICE },
      write: false,
      logLevel: "silent",
    });
    return Buffer.concat(outputFiles.map(({ contents }) => contents));
  } finally {
    await stop();
  }
}
