import type { Position } from "./event.ts";

/** The data of an event that is too large for a sink, to be kept apart from it. */
export interface Claim {
  readonly position: Position;
  /** When the event was received, in Unix milliseconds. */
  readonly receivedMs: number;
  /** SHA-256 of `bytes` in hexadecimal digits. */
  readonly sha256: string;
  readonly bytes: Buffer;
  /** False for data that is not JSON: it was in the event in base64. */
  readonly isJson: boolean;
}

/**
 * Keeps what a claim check stands for. It does not retry: the pipeline does, so that the name of
 * a claim follows from the claim alone, and storing it again replaces it by itself.
 */
export interface ClaimStore {
  /** The URI at which consumers find a claim, once it is stored. */
  addressOf(claim: Claim): string;
  /** Resolves once the claim is as safe as the place makes it. Rejects when the place does not take it now. */
  put(claim: Claim, signal: AbortSignal): Promise<void>;
  /** As `Sink.check`: what is wrong with the place, in words. Never throws. */
  check(signal: AbortSignal): Promise<readonly string[]>;
  /** Safe to call twice. */
  close(): Promise<void>;
}
