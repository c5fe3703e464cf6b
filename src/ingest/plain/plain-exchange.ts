import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { Body } from "../body/body-result.ts";
import { takeWhole } from "../body/read-body.ts";
import type { PendingBytes } from "../body/pending-bytes.ts";
import { Exchange, type ExchangeContext, type RequestHead } from "../exchange.ts";
import type { PlainHead } from "./plain-head.ts";

interface PlainRequest {
  readonly socket: Socket;
  readonly head: PlainHead;
  /** `undefined`: the client has ended its half of the connection before all of it had come. */
  readonly body: Buffer | undefined;
  /** Monotonic. */
  readonly startedMs: number;
  /** Called with the answer, to be written as it is; `isLast`: the connection ends after it. */
  readonly onAnswer: (head: string, body: string | Buffer | undefined, isLast: boolean) => void;
  /** Value of the Keep-Alive header. */
  readonly keepAlive: string;
}

/** A plain request, of which no more will come, and its answer: the same as node's server would write. */
export class PlainExchange extends Exchange {
  readonly request: RequestHead;
  readonly complete: boolean;
  /** The connection ends after the answer. */
  isLast: boolean;
  readonly #plain: PlainRequest;
  #answered = false;

  constructor(plain: PlainRequest, context: ExchangeContext) {
    super(plain.startedMs, false, context);
    this.request = { method: "POST", url: plain.head.url, headers: plain.head.headers, socket: plain.socket };
    this.complete = plain.body !== undefined;
    this.isLast = false;
    this.#plain = plain;
  }

  get answered(): boolean {
    return this.#answered;
  }

  takeBody(maxBytes: number, pending: PendingBytes): Body {
    const { body } = this.#plain;
    return body === undefined ? { kind: "gone" } : takeWhole(body, maxBytes, pending);
  }

  protected sendContinue(): void {
    // Nobody waits for it: a request that asks for it is not plain.
  }

  hold(): void {
    // One request at a time, whose answer waits for nobody.
  }

  protected send(status: number, headers: string[], body: string | Buffer | undefined): void {
    this.#answered = true;
    const { onAnswer, keepAlive } = this.#plain;
    if (this.context.draining) this.isLast = true;
    let text = STATUS_LINES[status] ?? statusLine(status);
    for (let i = 0; i + 1 < headers.length; i += 2) text += `${headers[i]}: ${headers[i + 1]}\r\n`;
    text += `Date: ${httpDate()}\r\n`;
    text += this.isLast ? "Connection: close\r\n\r\n" : `Connection: keep-alive\r\nKeep-Alive: ${keepAlive}\r\n\r\n`;
    onAnswer(text, body, this.isLast || !this.complete);
  }
}

const STATUS_LINES: Record<number, string> = { 201: statusLine(201) };

function statusLine(status: number): string {
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n`;
}

let lastDate = { second: 0, text: "" };

/** Printed once a second. */
function httpDate(): string {
  const nowMs = Date.now();
  const second = Math.floor(nowMs / 1_000);
  if (lastDate.second !== second) lastDate = { second, text: new Date(nowMs).toUTCString() };
  return lastDate.text;
}
