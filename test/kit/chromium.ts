import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";

const PATHS = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const INSTALL_MS = 300_000;

/**
 * A real browser: the machine's, else Debian's, which is installed. `undefined`, with the reason in
 * `whyNoChromium`, when there is none to be had.
 *
 * @param args further switches of its command line
 */
export async function startChromium(args: readonly string[] = []): Promise<(Browser & AsyncDisposable) | undefined> {
  const executablePath = findChromium() ?? installChromium();
  if (executablePath === undefined) return undefined;
  return chromium.launch({
    executablePath,
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage", ...args],
  });
}

export let whyNoChromium = "";

function findChromium(): string | undefined {
  return PATHS.find((path) => existsSync(path));
}

function installChromium(): string | undefined {
  try {
    execFileSync("apt-get", ["install", "-y", "--no-install-recommends", "chromium"], {
      stdio: "pipe",
      timeout: INSTALL_MS,
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    });
  } catch (error) {
    whyNoChromium = `no Chromium is installed, and Debian's cannot be: ${String(error).split("\n")[0] ?? ""}`;
  }
  return findChromium();
}
