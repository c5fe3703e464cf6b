import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { programOf } from "./debian-package.ts";
import { freePort } from "./free-port.ts";

const START_MS = 30_000;

export interface ReceivedAlert {
  readonly fingerprint: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly startsAt: string;
  readonly endsAt: string;
}

/** The real Prometheus Alertmanager, in a process of its own. */
export interface Alertmanager extends AsyncDisposable {
  readonly url: string;
  /** What fires, as it sees it. */
  alerts(): Promise<readonly ReceivedAlert[]>;
}

/** Debian's package, installed when missing; or the reason why there is none. */
export async function startAlertmanager(): Promise<Alertmanager | string> {
  const program = programOf("prometheus-alertmanager", ["/usr/bin/prometheus-alertmanager"]);
  if (program.path === undefined) return program.why;
  const dir = await mkdtemp(path.join(tmpdir(), "millrace-alertmanager-"));
  const port = await freePort();
  const config = path.join(dir, "alertmanager.yml");
  await writeFile(config, "route: { receiver: nobody }\nreceivers: [{ name: nobody }]\n");
  const child = spawn(
    program.path,
    [
      `--config.file=${config}`,
      `--storage.path=${path.join(dir, "data")}`,
      `--web.listen-address=127.0.0.1:${port}`,
      "--cluster.listen-address=",
    ],
    { stdio: "ignore" },
  );
  const url = `http://127.0.0.1:${port}`;
  const stop = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGKILL");
      await ended;
    }
    await rm(dir, { recursive: true, force: true });
  };
  for (const deadline = Date.now() + START_MS; Date.now() < deadline; await delay(50)) {
    if (child.exitCode !== null) break;
    const isReady = await fetch(`${url}/-/ready`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (!isReady) continue;
    const alerts = async () => (await (await fetch(`${url}/api/v2/alerts?active=true`)).json()) as ReceivedAlert[];
    return { url, alerts, [Symbol.asyncDispose]: stop };
  }
  await stop();
  throw new Error("Alertmanager was installed but does not answer");
}
