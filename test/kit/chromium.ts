import { type Browser, chromium } from "playwright-core";
import { programOf } from "./debian-package.ts";

const PATHS = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

export let whyNoChromium = "";

/**
 * A real browser: the machine's, else Debian's, which is installed. `undefined`, with the reason in
 * `whyNoChromium`, when there is none to be had.
 *
 * @param args further switches of its command line
 */
export async function startChromium(args: readonly string[] = []): Promise<(Browser & AsyncDisposable) | undefined> {
  const { path: executablePath, why } = programOf("chromium", PATHS);
  if (executablePath === undefined) {
    whyNoChromium = why;
    return undefined;
  }
  return chromium.launch({
    executablePath,
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage", ...args],
  });
}
