/**
 * Waits and requests with a time limit, which can all be ended at once. It keeps their ends in a set: listeners on
 * a signal that outlives them would pile up.
 */
export class Interruptible {
  readonly #ends = new Set<() => void>();
  #isOver = false;

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Resolves after the time, or at once when all is ended. Does not keep the process alive. */
  async sleep(ms: number): Promise<void> {
    if (this.#isOver) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = unrefTimeout(resolve, ms);
    this.#ends.add(resolve);
    await promise;
    clearTimeout(timer);
    this.#ends.delete(resolve);
  }

  /**
   * Does work whose signal is aborted after the time, and when all is ended. Rejects then even when the work does
   * not heed its signal.
   */
  async within<Result>(ms: number, work: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
    const controller = new AbortController();
    const { promise: ended, reject } = Promise.withResolvers<never>();
    const end = (why: string) => {
      const error = new Error(why);
      reject(error);
      controller.abort(error);
    };
    const close = () => end("closed before the answer came");
    const timer = unrefTimeout(() => end(`no answer within ${ms} ms`), ms);
    this.#ends.add(close);
    if (this.#isOver) close();
    try {
      return await Promise.race([work(controller.signal), ended]);
    } finally {
      clearTimeout(timer);
      this.#ends.delete(close);
    }
  }

  endAll(): void {
    this.#isOver = true;
    for (const end of this.#ends) end();
  }
}

/** A timer that does not keep the process alive, where the runtime has such. */
export function unrefTimeout(call: () => void, ms: number): ReturnType<typeof setTimeout> {
  const timer: ReturnType<typeof setTimeout> = setTimeout(call, ms);
  // Elsewhere than in Node a timer is a number.
  const handle: unknown = timer;
  if (typeof handle === "object" && handle !== null && "unref" in handle && typeof handle.unref === "function") {
    handle.unref();
  }
  return timer;
}
