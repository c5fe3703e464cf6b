import { connect as connectPlain, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { type Answer, AnswerReader } from "./answer-reader.ts";

interface LoadConnectionHandlers {
  /** The connection can take a request. */
  onReady(connection: LoadConnection): void;
  /** `sinceMs` is what was passed to `send`. */
  onAnswer(connection: LoadConnection, answer: Answer, sinceMs: number): void;
  /** The connection cannot take a request until it is ready again. It may have been idle. */
  onEnd(connection: LoadConnection): void;
  /** A request got no answer, or, without one under way, no connection came about. */
  onFailure(reason: string, hadRequest: boolean): void;
}

/** A server that refuses connections is not asked again at once. */
const RECONNECT_MS = 100;

/** A keep-alive connection that carries one request at a time, and is opened again when it ends. */
export class LoadConnection {
  readonly #url: URL;
  readonly #handlers: LoadConnectionHandlers;
  #socket: Socket | undefined;
  #reader = new AnswerReader();
  #sinceMs: number | undefined;
  #sentMs = 0;
  #isOpen = false;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(url: URL, handlers: LoadConnectionHandlers) {
    this.#url = url;
    this.#handlers = handlers;
    this.#open();
  }

  /** When the request under way was sent; `undefined` when none is. */
  get sentMs(): number | undefined {
    return this.#sinceMs === undefined ? undefined : this.#sentMs;
  }

  /** Sends a request whose latency counts from `sinceMs`; only when the connection is ready. */
  send(request: Buffer, sinceMs: number, nowMs: number): void {
    this.#sinceMs = sinceMs;
    this.#sentMs = nowMs;
    this.#socket?.write(request);
  }

  /** Gives up the request under way, and the connection with it. */
  abandon(reason: string): void {
    this.#fail(reason);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#socket?.destroy();
  }

  #open(): void {
    const { protocol, hostname } = this.#url;
    const host = hostname.replaceAll(/^\[|\]$/g, "");
    const port = Number(this.#url.port || (protocol === "https:" ? 443 : 80));
    const servername = isIP(host) === 0 ? { servername: host } : {};
    const socket =
      protocol === "https:"
        ? connectTls({ host, port, ALPNProtocols: ["http/1.1"], ...servername })
        : connectPlain({ host, port });
    this.#socket = socket;
    this.#reader = new AnswerReader();
    socket.setNoDelay(true);
    socket.once(protocol === "https:" ? "secureConnect" : "connect", () => {
      this.#isOpen = true;
      this.#handlers.onReady(this);
    });
    socket.on("data", (chunk: Buffer) => this.#read(chunk));
    socket.on("error", (error: NodeJS.ErrnoException) => this.#fail(reasonOf(error), socket));
    socket.once("close", () => this.#ended(socket));
  }

  #read(chunk: Buffer): void {
    // What comes unasked, such as a 408 before an idle connection is closed, answers nothing.
    if (this.#sinceMs === undefined) return;
    try {
      const answer = this.#reader.push(chunk);
      if (answer !== undefined) this.#answered(answer);
    } catch (error) {
      this.#fail(error instanceof Error ? error.message : String(error));
    }
  }

  #answered(answer: Answer): void {
    const sinceMs = this.#sinceMs ?? 0;
    this.#sinceMs = undefined;
    this.#handlers.onAnswer(this, answer, sinceMs);
    if (answer.keepAlive) this.#handlers.onReady(this);
    else this.#reopen(0);
  }

  #ended(socket: Socket): void {
    if (socket !== this.#socket || this.#closed) return;
    const answer = this.#sinceMs === undefined ? undefined : this.#reader.end();
    if (answer !== undefined) this.#answered({ ...answer, keepAlive: false });
    else if (this.#sinceMs === undefined && this.#isOpen) this.#reopen(0);
    else this.#fail("the connection was closed without an answer");
  }

  #fail(reason: string, socket = this.#socket): void {
    if (socket !== this.#socket || this.#closed) return;
    // An idle connection may end: nothing was asked on it.
    const hadRequest = this.#sinceMs !== undefined;
    const isIdle = this.#isOpen && !hadRequest;
    this.#sinceMs = undefined;
    this.#reopen(RECONNECT_MS);
    if (!isIdle) this.#handlers.onFailure(reason, hadRequest);
  }

  #reopen(afterMs: number): void {
    const old = this.#socket;
    this.#socket = undefined;
    this.#handlers.onEnd(this);
    this.#isOpen = false;
    old?.destroy();
    clearTimeout(this.#timer);
    if (!this.#closed) this.#timer = setTimeout(() => this.#open(), afterMs);
  }
}

function reasonOf(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case "ECONNREFUSED":
      return "connection refused";
    case "ECONNRESET":
    case "EPIPE":
      return "the connection was reset";
    case "ENOTFOUND":
      return "the host name is not known";
    case undefined:
    default:
      return error.message || (error.code ?? error.name);
  }
}
