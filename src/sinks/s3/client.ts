import { S3Client } from "@aws-sdk/client-s3";
import { defaultIdentityProvider } from "../../aws/credentials.ts";
import type { S3Config } from "./config.ts";

const CONNECT_MS = 10_000;

/** A client that makes each request once: the pipeline owns repeating. */
export function openClient({
  region,
  endpoint,
  checksum,
  multipart,
}: Pick<S3Config, "region" | "endpoint" | "checksum" | "multipart">): S3Client {
  return new S3Client({
    region,
    credentials: defaultIdentityProvider(region),
    maxAttempts: 1,
    // Beside what an upload needs, a connection for looking and checking.
    requestHandler: {
      connectionTimeout: CONNECT_MS,
      httpsAgent: { keepAlive: true, maxSockets: multipart.maxParallel + 2 },
      httpAgent: { keepAlive: true, maxSockets: multipart.maxParallel + 2 },
    },
    ...(checksum === "none" && {
      requestChecksumCalculation: "WHEN_REQUIRED",
      responseChecksumValidation: "WHEN_REQUIRED",
    }),
    ...(endpoint !== undefined && { endpoint, forcePathStyle: true }),
  });
}
