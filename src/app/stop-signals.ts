/** The first SIGTERM or SIGINT, and a promise for the second, which means: stop at once. */
export interface StopSignal {
  readonly name: NodeJS.Signals;
  readonly second: Promise<"second signal">;
}

/** Waits for a signal to stop; meanwhile each SIGHUP calls `onHangup`. */
export function stopSignal(onHangup: () => void): Promise<StopSignal> {
  return new Promise((resolve) => {
    const { promise: second, resolve: cutShort } = Promise.withResolvers<"second signal">();
    let stopping = false;
    const stop = (name: NodeJS.Signals): void => {
      if (stopping) cutShort("second signal");
      stopping = true;
      resolve({ name, second });
    };
    process.on("SIGTERM", stop);
    process.on("SIGINT", stop);
    process.on("SIGHUP", () => {
      if (!stopping) onHangup();
    });
  });
}
