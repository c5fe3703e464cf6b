/** What both ends of a channel have: a forked child in the parent, `process` in the child. */
interface End<Heard> {
  send?(message: object, callback: (error: Error | null) => void): boolean;
  on(event: "message", listener: (message: Heard) => void): unknown;
}

/**
 * One end of the IPC channel between a supervisor and a worker. That the other end is gone is
 * no failure here: what is posted then goes nowhere, and whoever cares sees the process end.
 */
export class Channel<Sent extends object, Heard extends object> {
  readonly #end: End<Heard>;
  #unsent = 0;

  constructor(end: End<Heard>) {
    this.#end = end;
  }

  /** Hears all messages from now on. Both ends run the same version of this program, so they are not checked. */
  listen(hear: (message: Heard) => void): void {
    this.#end.on("message", hear);
  }

  /** Messages that wait because the other side does not read. */
  get unsent(): number {
    return this.#unsent;
  }

  /** Resolves when the kernel has the message, or nobody is there to read it. Rejects when it cannot be cloned. */
  post(message: Sent): Promise<void> {
    return new Promise((resolve, reject) => {
      const settled = (): void => {
        this.#unsent--;
        resolve();
      };
      this.#unsent++;
      try {
        if (this.#end.send === undefined) settled();
        else this.#end.send(message, settled);
      } catch (error) {
        this.#unsent--;
        reject(error instanceof Error ? error : new Error(String(error)));
      }
    });
  }
}
