import { clearLine, showLine } from "./changing-line.ts";
import type { CliContext } from "./cli-context.ts";

const AFTER_MS = 1_000;
const EVERY_MS = 250;

/** Says on a terminal how far a query is that takes more than a second. */
export function queryProgress({ stderr }: CliContext): { start(percent: () => number): void; end(): void } {
  const onTerminal = stderr.isTTY === true;
  let timer: NodeJS.Timeout | undefined;
  let shown = false;
  return {
    start(percent) {
      if (!onTerminal) return;
      const startedMs = performance.now();
      timer = setInterval(() => {
        const elapsedMs = performance.now() - startedMs;
        if (elapsedMs < AFTER_MS) return;
        shown = true;
        // Below zero: DuckDB cannot tell.
        const part = percent() > 0 ? `, ${Math.floor(percent())} %` : "";
        showLine(stderr, `querying for ${Math.floor(elapsedMs / 1_000)} s${part}`);
      }, EVERY_MS);
    },
    end() {
      clearInterval(timer);
      if (shown) clearLine(stderr);
      shown = false;
    },
  };
}
