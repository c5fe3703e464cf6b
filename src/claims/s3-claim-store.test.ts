import { hash } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { startFauxqs } from "fauxqs";
import { afterAll, expect, onTestFinished, test, vi } from "vitest";
import type { Claim } from "../core/claim-store.ts";
import { S3ClaimStore } from "./s3-claim-store.ts";

vi.stubEnv("AWS_PROFILE", undefined);
vi.stubEnv("AWS_ACCESS_KEY_ID", "AKTEST");
vi.stubEnv("AWS_SECRET_ACCESS_KEY", "secret");

const fauxqs = await startFauxqs({ port: 0, host: "127.0.0.1", logger: false, init: { buckets: ["claims"] } });
afterAll(() => fauxqs.stop());

function openStore(bucket: string, endpoint = fauxqs.address): S3ClaimStore {
  return new S3ClaimStore({ bucket, prefix: "large/", region: "us-east-1", endpoint });
}

function claimOf(bytes: Buffer): Claim {
  const receivedMs = Date.UTC(2026, 10, 27, 17, 30);
  return { position: 7, receivedMs, sha256: hash("sha256", bytes), bytes, isJson: true };
}

test("a claim is an object at its address", async () => {
  const store = openStore("claims");
  const claim = claimOf(Buffer.alloc(2 * 1024 ** 2, "x"));
  await store.put(claim, new AbortController().signal);
  const address = store.addressOf(claim);
  expect(address).toBe(`s3://claims/large/dt=2026-11-27/hour=17/7-${claim.sha256}.json`);
  const object = await fetch(address.replace("s3://", `${fauxqs.address}/`));
  expect(Buffer.from(await object.arrayBuffer()).equals(claim.bytes)).toBe(true);
  expect(object.headers.get("content-type")).toBe("application/json");
  expect(await store.check(new AbortController().signal)).toEqual([]);
  await store.close();
});

test("S3 is told the SHA-256 of a claim, and compares it", async () => {
  const told: unknown[] = [];
  const server = createServer((request, response) => {
    told.push(request.headers["x-amz-checksum-sha256"]);
    request.resume().on("end", () => response.end());
  });
  server.listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" ? address?.port : 0;
  const store = openStore("claims", `http://127.0.0.1:${port}`);
  await store.put(claimOf(Buffer.from("1")), new AbortController().signal);
  expect(told).toEqual([hash("sha256", "1", "base64")]);
  await store.close();
});

test("a bucket that is not there fails, and says so when checked", async () => {
  const store = openStore("nowhere");
  await expect(store.put(claimOf(Buffer.from("1")), new AbortController().signal)).rejects.toMatchObject({
    name: "NoSuchBucket",
  });
  expect(await store.check(new AbortController().signal)).toEqual([expect.stringContaining("the bucket nowhere")]);
  await store.close();
});

test("an aborted signal ends it", async () => {
  const store = openStore("claims");
  await expect(store.put(claimOf(Buffer.from("1")), AbortSignal.abort())).rejects.toMatchObject({ name: "AbortError" });
  await store.close();
});
