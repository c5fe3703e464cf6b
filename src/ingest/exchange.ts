import type { IncomingHttpHeaders } from "node:http";
import type { Logger } from "pino";
import type { AnswerBacklog } from "./answer-backlog.ts";
import type { Body } from "./body/body-result.ts";
import type { PendingBytes } from "./body/pending-bytes.ts";
import type { IngestMetrics } from "./metrics.ts";
import { PROBLEM_MEDIA_TYPE, PROBLEMS, type Problem, problemBody } from "./problems.ts";
import type { RefusalLog } from "./refusal-log.ts";
import type { RouteName } from "./router.ts";

const NO_HEADERS: readonly string[] = [];

/** A refused body of at most this size is read to its end, so that the connection can be used again. */
const CHEAP_BODY_BYTES = 64 * 1024;

/** What all exchanges of a server share. */
export interface ExchangeContext {
  readonly metrics: IngestMetrics;
  readonly backlog: AnswerBacklog;
  /** For a line on each answer, at level debug only. */
  readonly log: Logger;
  readonly refusals: RefusalLog;
  /** True when connections are to be closed after their next answer. */
  readonly draining: boolean;
}

/** Writes a refusal as a protocol's clients read it. */
export type ProblemForm = (
  problem: Problem,
  status: number,
  request: RequestHead,
) => {
  readonly mediaType: string;
  readonly body: string | Buffer;
  /** In pairs. */
  readonly headers?: readonly string[];
};

/** Somebody whom a protocol knows again by a cookie. */
export interface Visitor {
  readonly id: string;
  /** The value of the header `Set-Cookie`. */
  readonly setCookie: string;
}

/** A request without its body. */
export interface RequestHead {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly socket: { readonly remoteAddress?: string | undefined };
}

/**
 * One request and its one answer, whichever version of HTTP carries them. Headers are flat
 * lists of names and values, which node writes without a detour.
 */
export abstract class Exchange {
  abstract readonly request: RequestHead;
  /** Monotonic. */
  readonly startedMs: number;
  route: RouteName = "unknown";
  /** Sent with every answer. */
  cors = NO_HEADERS;
  /** How refusals are written, where not as `application/problem+json`. */
  problemForm: ProblemForm | undefined;
  /** Who sends it, where a source wants to know; told to whose events are taken. */
  visitor: Visitor | undefined;
  /** The client sends its body only once it is told to (`Expect: 100-continue`). */
  awaitsContinue: boolean;
  protected readonly context: ExchangeContext;

  constructor(startedMs: number, awaitsContinue: boolean, context: ExchangeContext) {
    this.startedMs = startedMs;
    this.awaitsContinue = awaitsContinue;
    this.context = context;
  }

  /** True once the answer is given. */
  abstract get answered(): boolean;

  /** True once the whole request has come. */
  abstract get complete(): boolean;

  /** Tells a client that waits for it to send its body. */
  protected abstract sendContinue(): void;

  /** Counts bytes of an answer that may have to wait until the client takes it. */
  abstract hold(bytes: number): void;

  /** Sends the answer, and sees to what is still to come of the request's body. */
  protected abstract send(status: number, headers: string[], body: string | Buffer | undefined, rest: UnreadBody): void;

  /** The request's body, as it was sent, to be taken once. At once when it is there already. */
  abstract takeBody(maxBytes: number, pending: PendingBytes): Body | Promise<Body>;

  /** Asks for the body when the client waits to be asked. Call it once the request is admitted. */
  invite(): void {
    if (!this.awaitsContinue) return;
    this.awaitsContinue = false;
    this.sendContinue();
  }

  /** Answers without a body. */
  empty(status: number, headers: readonly string[] = NO_HEADERS): void {
    this.#send(status, status === 204 ? [...headers] : ["Content-Length", "0", ...headers]);
  }

  json(status: number, body: string, headers: readonly string[] = NO_HEADERS): void {
    this.#sendBody(status, "application/json", body, headers);
  }

  /** Answers with a body of any media type. */
  body(status: number, mediaType: string, body: string | Buffer, headers: readonly string[] = NO_HEADERS): void {
    this.#sendBody(status, mediaType, body, headers);
  }

  problem(problem: Problem): void {
    if (this.answered) return;
    const headers = ["Cache-Control", "no-store", ...(problem.headers ?? NO_HEADERS)];
    if (problem.retryAfterSeconds !== undefined) headers.push("Retry-After", String(problem.retryAfterSeconds));
    this.context.metrics.refused(problem.code);
    this.context.refusals.add(problem);
    const { status } = PROBLEMS[problem.code];
    const form = this.problemForm?.(problem, status, this.request);
    if (form === undefined) this.#sendBody(status, PROBLEM_MEDIA_TYPE, problemBody(problem), headers);
    else this.#sendBody(status, form.mediaType, form.body, [...headers, ...(form.headers ?? NO_HEADERS)]);
  }

  #sendBody(status: number, mediaType: string, body: string | Buffer, headers: readonly string[]): void {
    const bytes = Buffer.byteLength(body);
    const type = ["Content-Type", mediaType, "Content-Length", String(bytes), "X-Content-Type-Options", "nosniff"];
    this.hold(bytes);
    this.#send(status, [...type, ...headers], body);
  }

  #send(status: number, headers: string[], body?: string | Buffer): void {
    if (this.answered) return;
    this.context.metrics.answered(this.route, status);
    this.context.log.debug({ method: this.request.method, route: this.route, status }, "request answered");
    if (this.cors.length > 0) headers.push(...this.cors);
    this.send(status, headers, body, this.#unreadBody());
  }

  #unreadBody(): UnreadBody {
    if (this.complete) return "none";
    const length = this.request.headers["content-length"];
    if (length === "0") return "none";
    return length !== undefined && Number(length) <= CHEAP_BODY_BYTES && !this.awaitsContinue ? "short" : "long";
  }
}

/** What of a request's body is still to come when it is answered. */
export type UnreadBody = "none" | "short" | "long";
