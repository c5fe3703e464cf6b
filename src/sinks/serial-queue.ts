/**
 * Runs jobs one at a time, in the order they came.
 *
 * A caller whose signal is aborted gets out at once: its job is forgotten if it was
 * waiting; if it was running it goes on by itself, and the next job waits for it.
 */
export class SerialQueue {
  readonly #waiting = new Set<() => Promise<void>>();
  #busy = false;

  /** Resolves or rejects as the job does, or rejects with the signal's reason. */
  run<T>(job: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const start = async () => {
      try {
        resolve(await job());
      } catch (error) {
        reject(error);
      } finally {
        signal?.removeEventListener("abort", abort);
        this.#startNext();
      }
    };
    const abort = () => {
      this.#waiting.delete(start);
      reject(signal?.reason);
    };
    if (signal?.aborted) {
      abort();
      return promise;
    }
    signal?.addEventListener("abort", abort, { once: true });
    this.#waiting.add(start);
    if (!this.#busy) this.#startNext();
    return promise;
  }

  #startNext(): void {
    const [start] = this.#waiting;
    this.#busy = start !== undefined;
    if (start === undefined) return;
    this.#waiting.delete(start);
    void start();
  }
}
