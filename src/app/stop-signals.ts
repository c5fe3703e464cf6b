/**
 * A terminal sends Ctrl-C to every process of its group, and npm and some supervisors pass
 * on the signal as well: what comes this soon after the first is the same wish.
 */
const ECHO_MS = 1_000;

/** The first SIGTERM or SIGINT, and a promise for the second, which means: stop at once. */
export interface StopSignal {
  readonly name: NodeJS.Signals;
  readonly second: Promise<"second signal">;
}

/** Waits for a signal to stop; meanwhile each SIGHUP calls `onHangup`. */
export function stopSignal(onHangup: () => void): Promise<StopSignal> {
  return new Promise((resolve) => {
    const { promise: second, resolve: cutShort } = Promise.withResolvers<"second signal">();
    let firstMs: number | undefined;
    const stop = (name: NodeJS.Signals): void => {
      const nowMs = performance.now();
      if (firstMs === undefined) {
        firstMs = nowMs;
        resolve({ name, second });
      } else if (nowMs - firstMs > ECHO_MS) {
        cutShort("second signal");
      }
    };
    process.on("SIGTERM", stop);
    process.on("SIGINT", stop);
    process.on("SIGHUP", () => {
      if (firstMs === undefined) onHangup();
    });
  });
}
