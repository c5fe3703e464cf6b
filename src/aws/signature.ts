import { createHmac, hash } from "node:crypto";
import type { AwsIdentity } from "./credentials.ts";

/** A request to any service but S3, whose rules for paths are its own. */
export interface SignableRequest {
  readonly method: string;
  readonly host: string;
  /** As a URL has it: percent-encoded, without `.`, `..` and the query. */
  readonly path: string;
  /** All that is to be signed beside `host` and what the signature adds; names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/**
 * Signs requests by AWS Signature Version 4, as its documentation tells it
 * (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html).
 * A request has no query: none of the services we call needs one.
 *
 * Nearly all it costs is the hash of the body. `@smithy/signature-v4`, which is for any
 * request and which the test compares this with, costs 25 µs of CPU more for each.
 */
export class Signer {
  readonly #service: string;
  readonly #region: string;
  /** A key is good for one identity and one day. */
  #key: { readonly secret: string; readonly day: string; readonly bytes: Buffer } | undefined;

  constructor(service: string, region: string) {
    this.#service = service;
    this.#region = region;
  }

  /** The headers of the request, with its signature. */
  sign(request: SignableRequest, identity: AwsIdentity, nowMs: number): Record<string, string> {
    const { method, host, path, body } = request;
    const date = `${new Date(nowMs).toISOString().slice(0, 19).replaceAll(/[-:]/g, "")}Z`;
    const day = date.slice(0, 8);
    const headers: Record<string, string> = { ...request.headers, host, "x-amz-date": date };
    const token = identity.sessionToken?.trim() ?? "";
    if (token !== "") headers["x-amz-security-token"] = token;

    const names = Object.keys(headers).toSorted();
    const signed = names.join(";");
    let lines = "";
    for (const name of names) lines += `${name}:${headers[name]}\n`;
    const canonical = `${method}\n${encodedTwice(path)}\n\n${lines}\n${signed}\n${hash("sha256", body)}`;
    const scope = `${day}/${this.#region}/${this.#service}/aws4_request`;
    const toSign = `AWS4-HMAC-SHA256\n${date}\n${scope}\n${hash("sha256", canonical)}`;
    const signature = createHmac("sha256", this.#keyOf(identity, day)).update(toSign).digest("hex");
    headers["authorization"] =
      `AWS4-HMAC-SHA256 Credential=${identity.accessKeyId}/${scope}, SignedHeaders=${signed}, Signature=${signature}`;
    return headers;
  }

  #keyOf({ secretAccessKey }: AwsIdentity, day: string): Buffer {
    if (this.#key?.secret !== secretAccessKey || this.#key.day !== day) {
      let bytes = Buffer.from(`AWS4${secretAccessKey}`);
      for (const part of [day, this.#region, this.#service, "aws4_request"])
        bytes = createHmac("sha256", bytes).update(part).digest();
      this.#key = { secret: secretAccessKey, day, bytes };
    }
    return this.#key.bytes;
  }
}

/** Every service but S3 wants the encoded path encoded once more, all but its slashes, of which none are in a row. */
function encodedTwice(path: string): string {
  return encodeURIComponent(path.replaceAll(/\/+/g, "/"))
    .replaceAll("%2F", "/")
    .replaceAll(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}
