import type { Inscription } from "./inscription.ts";

export interface NewObject {
  readonly key: string;
  readonly body: Buffer;
  readonly contentType: string;
  readonly inscription: Inscription;
}

export interface Failure {
  readonly kind: "failed";
  readonly reason: string;
  readonly retryAfterMs?: number;
}

/** `exists`: an object with this key is there, and was left as it is. */
export type Created = { readonly kind: "created" } | { readonly kind: "exists" } | Failure;

/** What is written on an object that is there; `undefined` if it is not ours. */
export type Found = { readonly kind: "found"; readonly inscription: Inscription | undefined } | Failure;

/** A bucket, as far as the sink needs one. No method rejects; an aborted signal ends each as failed. */
export interface ObjectStore {
  create(object: NewObject, signal: AbortSignal): Promise<Created>;
  look(key: string, signal: AbortSignal): Promise<Found>;
  /** What is wrong with the bucket, in words. */
  check(signal: AbortSignal): Promise<readonly string[]>;
  close(): Promise<void>;
}
