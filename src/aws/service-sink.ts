import type { CollectedEvent } from "../core/event.ts";
import type { Batch, BatchLimits, Receipt, Sink } from "../core/sink.ts";
import { type ErrorKnowledge, inWords, readFailedCall } from "./failed-call.ts";
import { readServiceError } from "./service-error.ts";
import type { SignedRequest, SignedTransport } from "./signed-transport.ts";

/** One call that sends a batch. */
export interface BatchCall {
  readonly request: SignedRequest;
  /** Reads the body of a reply with status 200. */
  readonly read: (body: Buffer) => Receipt;
}

/** What tells one service from another: how a batch becomes a call, and how its replies read. */
export interface ServiceDialect {
  readonly type: string;
  readonly limits: BatchLimits;
  eventBytes(event: CollectedEvent): number;
  encode(batch: Batch): Promise<BatchCall>;
  readonly errors: ErrorKnowledge;
  /** The destination, for a person: `the queue https://…`. */
  readonly destination: string;
  /** The call that looks at the destination. */
  readonly look: SignedRequest;
  /** Where destination and configuration do not match, by the body of a reply to `look` with status 200. */
  problemsOf(body: Buffer): readonly string[];
}

/** A sink of a service that takes a batch in one call and tells the fate of each event. */
export class ServiceSink implements Sink {
  readonly name: string;
  readonly type: string;
  readonly limits: BatchLimits;
  readonly #dialect: ServiceDialect;
  readonly #transport: SignedTransport;

  constructor(name: string, dialect: ServiceDialect, transport: SignedTransport) {
    this.name = name;
    this.type = dialect.type;
    this.limits = dialect.limits;
    this.#dialect = dialect;
    this.#transport = transport;
  }

  eventBytes(event: CollectedEvent): number {
    return this.#dialect.eventBytes(event);
  }

  async write(batch: Batch, signal: AbortSignal): Promise<Receipt> {
    if (batch.length === 0) return { kind: "delivered" };
    const { request, read } = await this.#dialect.encode(batch);
    const result = await this.#transport.send(request, signal);
    if (result.kind === "no-reply") return { kind: "retryable", reason: result.reason };
    if (result.status === 200) return read(result.body);
    return readFailedCall(result.status, readServiceError(result.body), this.#dialect.errors);
  }

  async check(signal: AbortSignal): Promise<readonly string[]> {
    const { destination, look, errors } = this.#dialect;
    const result = await this.#transport.send(look, signal);
    if (result.kind === "no-reply") return [`${destination} cannot be looked at: ${result.reason}`];
    if (result.status === 200) return this.#dialect.problemsOf(result.body);
    const error = readServiceError(result.body);
    const reason = error.code === undefined ? `HTTP ${result.status}` : inWords(error, errors.advice);
    return [`${destination} cannot be looked at: ${reason}`];
  }

  close(): Promise<void> {
    return this.#transport.close();
  }
}
