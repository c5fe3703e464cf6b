import type { IncomingHttpHeaders } from "node:http";

const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 Credential=([^/\s]+)\/(\d{8})\/[a-z0-9-]+\/([a-z0-9-]+)\/aws4_request, ?SignedHeaders=([a-z0-9;-]+), ?Signature=[0-9a-f]{64}$/;

/** Who signed a request, or the error code AWS would answer with. */
export type Signer =
  | { readonly kind: "signed"; readonly accessKeyId: string }
  | { readonly kind: "error"; readonly code: string; readonly message: string };

/**
 * Checks the form of a Signature Version 4: present, complete, for the service, with
 * the date and the host signed. The signature itself is not recomputed: the secret is
 * not known here.
 */
export function readSigner(headers: IncomingHttpHeaders, service: string): Signer {
  const { authorization } = headers;
  if (authorization === undefined) {
    return { kind: "error", code: "MissingAuthenticationTokenException", message: "Missing Authentication Token" };
  }
  const [, accessKeyId, scopeDate, scopeService, signedHeaders] = AUTHORIZATION.exec(authorization) ?? [];
  const date = headers["x-amz-date"];
  const signed = signedHeaders?.split(";") ?? [];
  const complete =
    accessKeyId !== undefined &&
    typeof date === "string" &&
    /^\d{8}T\d{6}Z$/.test(date) &&
    date.slice(0, 8) === scopeDate &&
    scopeService === service &&
    signed.includes("host") &&
    signed.includes("x-amz-date");
  if (!complete) {
    return {
      kind: "error",
      code: "IncompleteSignatureException",
      message: "Authorization header is not a complete Signature Version 4 for this service.",
    };
  }
  return { kind: "signed", accessKeyId };
}
