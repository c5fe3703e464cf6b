import { execFile, spawn } from "node:child_process";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { freePort } from "./free-port.ts";
import { installOnce } from "./test-cache.ts";

const run = promisify(execFile);

const VERSION = "5.2.5";
const INSTALL_MS = 300_000;
const START_MS = 60_000;

export interface Moto extends AsyncDisposable {
  readonly url: string;
}

export let whyNoMoto = "";

/**
 * moto, an imitation of AWS that others wrote (Python), as a server. Installed from PyPI when
 * missing; `undefined`, with the reason in `whyNoMoto`, when it cannot be.
 */
export async function startMoto(): Promise<Moto | undefined> {
  const program = await installed();
  if (program === undefined) return undefined;
  const port = await freePort();
  const child = spawn(program, ["-H", "127.0.0.1", "-p", String(port)], { stdio: "ignore" });
  const url = `http://127.0.0.1:${port}`;
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await ended;
  };
  for (const deadline = Date.now() + START_MS; Date.now() < deadline; await delay(100)) {
    if (await answers(url)) return { url, [Symbol.asyncDispose]: stop };
    if (child.exitCode !== null) break;
  }
  await stop();
  throw new Error("moto was installed but does not answer");
}

async function installed(): Promise<string | undefined> {
  try {
    const directory = await installOnce(`moto-${VERSION}`, async (target) => {
      await run("python3", ["-m", "venv", target], { timeout: INSTALL_MS });
      await run(path.join(target, "bin/pip"), ["install", "--quiet", `moto[server]==${VERSION}`], {
        timeout: INSTALL_MS,
      });
    });
    return path.join(directory, "bin/moto_server");
  } catch (error) {
    whyNoMoto = `moto ${VERSION} is not installed, and cannot be: ${String(error).split("\n")[0] ?? ""}`;
    return undefined;
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/moto-api/data.json`, { signal: AbortSignal.timeout(2_000) });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}
