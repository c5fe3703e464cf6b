import { createHash, createHmac, type Hash, type Hmac } from "node:crypto";
import { SignatureV4 } from "@smithy/signature-v4";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { Signer } from "./signature.ts";

type Bytes = string | ArrayBuffer | ArrayBufferView;

/** SHA-256 as the reference wants to be given it. */
class Sha256 {
  readonly #hash: Hash | Hmac;

  constructor(secret?: Bytes) {
    this.#hash = secret === undefined ? createHash("sha256") : createHmac("sha256", bufferOf(secret));
  }

  update(data: Bytes): void {
    this.#hash.update(bufferOf(data));
  }

  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }

  reset(): void {}
}

function bufferOf(data: Bytes): Buffer {
  if (typeof data === "string") return Buffer.from(data);
  return ArrayBuffer.isView(data) ? Buffer.from(data.buffer, data.byteOffset, data.byteLength) : Buffer.from(data);
}

const word = fc.stringMatching(/^[A-Za-z0-9+/=_.-]{1,40}$/);

test("requests are signed as AWS's own client signs them", async () => {
  const signer = new Signer("kinesis", "eu-west-1");
  const identities = fc.record(
    { accessKeyId: word, secretAccessKey: word, sessionToken: word },
    { requiredKeys: ["accessKeyId", "secretAccessKey"] },
  );
  const paths = fc.webPath().map((path) => new URL(`https://localhost${path}`).pathname);
  // The same signer throughout, so that a key which is kept for another identity is noticed.
  const instants = fc.integer({ min: Date.UTC(2026, 0, 1), max: Date.UTC(2026, 0, 3) });
  await fc.assert(
    fc.asyncProperty(
      identities,
      paths,
      word,
      fc.uint8Array(),
      instants,
      async (identity, path, target, body, nowMs) => {
        const contentType = "application/x-amz-json-1.1";
        const host = "kinesis.example:8443";
        const reference = new SignatureV4({
          service: "kinesis",
          region: "eu-west-1",
          credentials: identity,
          sha256: Sha256,
          applyChecksum: false,
        });
        const own = { "content-type": contentType, "x-amz-target": target };
        const headers = { host, ...own };
        const signed = await reference.sign(
          { method: "POST", protocol: "https:", hostname: host, path, headers, body },
          { signingDate: new Date(nowMs) },
        );
        expect(signer.sign({ method: "POST", host, path, headers: own, body }, identity, nowMs)).toEqual(
          signed.headers,
        );
      },
    ),
  );
});

test("a key is good for one day: at midnight, UTC, there is another", () => {
  const identity = { accessKeyId: "AKTEST", secretAccessKey: "secret" };
  const request = { method: "POST", host: "h", path: "/", headers: {}, body: Buffer.alloc(0) };
  const signer = new Signer("kinesis", "eu-west-1");
  for (const nowMs of [Date.UTC(2026, 0, 1, 23, 59, 59), Date.UTC(2026, 0, 2)]) {
    expect(signer.sign(request, identity, nowMs)).toEqual(
      new Signer("kinesis", "eu-west-1").sign(request, identity, nowMs),
    );
  }
});
