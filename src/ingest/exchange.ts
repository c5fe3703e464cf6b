import type { IncomingMessage, ServerResponse } from "node:http";
import type { Logger } from "pino";
import type { AnswerBacklog } from "./answer-backlog.ts";
import { discardRest } from "./linger.ts";
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

/** One request and its one answer. Headers are flat lists of names and values, which node writes without a detour. */
export class Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Monotonic. */
  readonly startedMs: number;
  route: RouteName = "unknown";
  /** Sent with every answer. */
  cors = NO_HEADERS;
  /** The client sends its body only once it is told to (`Expect: 100-continue`). */
  awaitsContinue: boolean;
  readonly #context: ExchangeContext;

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    startedMs: number,
    awaitsContinue: boolean,
    context: ExchangeContext,
  ) {
    this.request = request;
    this.response = response;
    this.startedMs = startedMs;
    this.awaitsContinue = awaitsContinue;
    this.#context = context;
  }

  get answered(): boolean {
    return this.response.headersSent;
  }

  /** Asks for the body when the client waits to be asked. Call it once the request is admitted. */
  invite(): void {
    if (!this.awaitsContinue) return;
    this.awaitsContinue = false;
    this.response.writeContinue();
  }

  /** Answers without a body. */
  empty(status: number, headers: readonly string[] = NO_HEADERS): void {
    this.#send(status, status === 204 ? [...headers] : ["Content-Length", "0", ...headers]);
  }

  json(status: number, body: string, headers: readonly string[] = NO_HEADERS): void {
    this.#sendBody(status, "application/json", body, headers);
  }

  problem(problem: Problem): void {
    if (this.answered) return;
    const headers = ["Cache-Control", "no-store", ...(problem.headers ?? NO_HEADERS)];
    if (problem.retryAfterSeconds !== undefined) headers.push("Retry-After", String(problem.retryAfterSeconds));
    this.#context.metrics.refused(problem.code);
    this.#context.refusals.add(problem);
    this.#sendBody(PROBLEMS[problem.code].status, PROBLEM_MEDIA_TYPE, problemBody(problem), headers);
  }

  #sendBody(status: number, mediaType: string, body: string, headers: readonly string[]): void {
    const bytes = Buffer.byteLength(body);
    const type = ["Content-Type", mediaType, "Content-Length", String(bytes), "X-Content-Type-Options", "nosniff"];
    this.#context.backlog.charge(this.request.socket, this.response, bytes);
    this.#send(status, [...type, ...headers], body);
  }

  #send(status: number, headers: string[], body?: string): void {
    const { request, response } = this;
    if (response.headersSent) return;
    this.#context.metrics.answered(this.route, status);
    this.#context.log.debug({ method: request.method, route: this.route, status }, "request answered");
    const rest = this.#unreadBody();
    if (this.#context.draining || rest === "long") response.shouldKeepAlive = false;
    if (this.cors.length > 0) headers.push(...this.cors);
    response.writeHead(status, headers);
    if (rest === "long" && !this.awaitsContinue) {
      // The answer goes out now, the connection ends once the client has had time to read it.
      if (body === undefined) response.flushHeaders();
      else response.write(body);
      discardRest(request, () => response.end());
      return;
    }
    response.end(body);
    if (rest !== "none") request.resume();
  }

  /** What of the request's body is still to come. */
  #unreadBody(): "none" | "short" | "long" {
    const { request } = this;
    if (request.complete) return "none";
    const length = request.headers["content-length"];
    if (length === undefined) return request.headers["transfer-encoding"] === undefined ? "none" : "long";
    if (length === "0") return "none";
    return Number(length) <= CHEAP_BODY_BYTES && !this.awaitsContinue ? "short" : "long";
  }
}
