import { createHash, createHmac, type Hash, type Hmac } from "node:crypto";

type Bytes = string | ArrayBuffer | ArrayBufferView;

/**
 * SHA-256, or HMAC-SHA-256 with a secret, for `@smithy/signature-v4`, by OpenSSL.
 * Hashing is nearly all that signing costs: for a body of 420 kB 0.27 ms of CPU,
 * against 2.7 ms with the JavaScript implementation of `@aws-crypto/sha256-js`.
 */
export class NodeSha256 {
  readonly #secret: Bytes | undefined;
  #hash: Hash | Hmac;

  constructor(secret?: Bytes) {
    this.#secret = secret;
    this.#hash = start(secret);
  }

  update(data: Bytes): void {
    this.#hash.update(toHashable(data));
  }

  digest(): Promise<Uint8Array> {
    return Promise.resolve(this.#hash.digest());
  }

  reset(): void {
    this.#hash = start(this.#secret);
  }
}

function start(secret: Bytes | undefined): Hash | Hmac {
  return secret === undefined ? createHash("sha256") : createHmac("sha256", toHashable(secret));
}

function toHashable(data: Bytes): string | Uint8Array {
  if (typeof data === "string" || data instanceof Uint8Array) return data;
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
}
