import {
  connect,
  type ConnectionOptions,
  createInbox,
  type NatsConnection,
  PermissionViolationError,
} from "@nats-io/transport-node";
import { errorInWords } from "../../outbound/quotable.ts";
import type { Message } from "./encode.ts";
import { type Answer, later, never, readAnswer } from "./response.ts";

interface Waiting {
  readonly subject: string;
  readonly answer: (answer: Answer) => void;
}

/**
 * One connection, for as long as it lasts. Messages go out without waiting for the answers to those
 * before, each with a reply subject of its own; answers come in any order.
 *
 * Invariant: every message is answered, at the latest when the connection ends.
 */
export class Link {
  readonly #connection: NatsConnection;
  readonly #inbox: string;
  readonly #waiting = new Map<string, Waiting>();
  #messages = 0;
  #open = true;

  static async open(options: ConnectionOptions): Promise<Link> {
    return new Link(await connect(options), createInbox(options.inboxPrefix));
  }

  constructor(connection: NatsConnection, inbox: string) {
    this.#connection = connection;
    this.#inbox = inbox;
    connection.subscribe(`${inbox}.*`, {
      callback: (error, reply) => {
        if (error !== null) return;
        const token = reply.subject.slice(inbox.length + 1);
        const waiting = this.#waiting.get(token);
        this.#waiting.delete(token);
        waiting?.answer(readAnswer({ code: reply.headers?.code ?? 0, data: reply.data }, waiting.subject));
      },
    });
    void this.#hear();
    void connection.closed().then((error) => this.#end(error === undefined ? "" : ` (${errorInWords(error)})`));
  }

  get isOpen(): boolean {
    return this.#open;
  }

  get connection(): NatsConnection {
    return this.#connection;
  }

  /** Publishes the messages and resolves when each has its answer. Never rejects. */
  publish(messages: readonly Message[]): Promise<readonly Answer[]> {
    const { promise, resolve } = Promise.withResolvers<readonly Answer[]>();
    const answers: Answer[] = [];
    let missing = messages.length;
    const maxPayload = this.#connection.info?.max_payload ?? Number.POSITIVE_INFINITY;
    for (const [index, { subject, payload, headers, bytes }] of messages.entries()) {
      const answer = (given: Answer): void => {
        answers[index] = given;
        missing--;
        if (missing === 0) resolve(answers);
      };
      if (bytes > maxPayload) {
        answer(never(`larger than the server's max_payload of ${maxPayload} bytes`));
        continue;
      }
      const token = (this.#messages++).toString(36);
      try {
        this.#connection.publish(subject, payload, { reply: `${this.#inbox}.${token}`, headers });
        this.#waiting.set(token, { subject, answer });
      } catch (error) {
        answer(later(errorInWords(error)));
      }
    }
    return promise;
  }

  /** Ends it at once, with what is on it: to wait until it is written would be to wait for a server that may be silent. */
  close(): void {
    this.#end(": the connection was given up");
    this.#connection.close().catch(() => {});
  }

  /** A server says apart from any message what a user may not do, and answers no such message. */
  async #hear(): Promise<void> {
    for await (const status of this.#connection.status()) {
      if (status.type !== "error" || !(status.error instanceof PermissionViolationError)) continue;
      const { operation, subject } = status.error;
      this.#giveUp(
        `the user may not ${operation === "publish" ? "publish" : "subscribe"} to ${subject}`,
        operation === "publish" ? subject : undefined,
      );
    }
  }

  #end(why: string): void {
    this.#open = false;
    this.#giveUp(`no answer before the connection ended${why}`);
  }

  /** @param only answers the messages of this subject; default: all */
  #giveUp(reason: string, only?: string): void {
    for (const [token, { subject, answer }] of this.#waiting) {
      if (only !== undefined && subject !== only) continue;
      this.#waiting.delete(token);
      answer(later(reason));
    }
  }
}
