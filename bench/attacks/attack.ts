import type { CollectorProcess } from "../../test/kit/collector-process.ts";

/** What attacks are aimed at, while the honest client uses it. */
export interface Target {
  readonly collector: CollectorProcess;
  readonly port: number;
  readonly url: string;
  /** How long an attack goes on that has no end of its own. */
  readonly seconds: number;
}

/** What an attack did, and what was not as it should be. */
export interface AttackReport {
  readonly sent: string;
  readonly answered: string;
  readonly faults: readonly string[];
}

export interface Attack {
  readonly name: string;
  /** The program it is made with. */
  readonly program?: "slowhttptest" | "h2load";
  /** Attacks on TLS and HTTP/2 have a collector of their own. */
  readonly tls?: true;
  /** It keeps the cores busy that it shares with the collector, so that others have to wait for their turn. */
  readonly saturates?: true;
  run(target: Target): Promise<AttackReport>;
}

/** Counts things by name, and says them in one line. */
export class Counts {
  readonly #counts = new Map<string, number>();

  add(name: string | number, count = 1): void {
    this.#counts.set(String(name), this.of(name) + count);
  }

  of(name: string | number): number {
    return this.#counts.get(String(name)) ?? 0;
  }

  /** Most first. */
  get text(): string {
    const some = [...this.#counts]
      .toSorted(([, a], [, b]) => b - a)
      .map(([name, count]) => `${name} × ${shown(count)}`);
    return some.length === 0 ? "nothing" : some.join(", ");
  }
}

export function shown(count: number): string {
  return count.toLocaleString("en-US");
}

/** Over all workers and labels. */
export async function sumOfMetric(adminPort: number, name: string): Promise<number> {
  let sum = 0;
  for (const [, value] of (await metricsText(adminPort)).matchAll(new RegExp(`^${name}(?:\\{.*\\})? (\\S+)$`, "gm"))) {
    sum += Number(value);
  }
  return sum;
}

/** How many requests were refused so far, by reason. */
export async function refusals(adminPort: number): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  const lines = /^millrace_ingest_refused_requests_total\{(?:.*,)?reason="(\w+)".*\} (\d+)$/gm;
  for (const [, reason = "", count] of (await metricsText(adminPort)).matchAll(lines)) {
    counts.set(reason, (counts.get(reason) ?? 0) + Number(count));
  }
  return counts;
}

async function metricsText(adminPort: number): Promise<string> {
  return (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text();
}
