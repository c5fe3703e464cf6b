import type { Readable } from "node:stream";
import type { RequestHead } from "../exchange.ts";
import { type Body, type GoneBody, overloaded, type RefusedBody, type TakenBody, tooLarge } from "./body-result.ts";
import type { PendingBytes } from "./pending-bytes.ts";

/** Why a body of the length that is announced would not be taken, before any of it is asked for. */
export function refuseAnnounced(
  request: RequestHead,
  maxBytes: number,
  pending: PendingBytes,
): RefusedBody | undefined {
  // The parser has checked that it is a whole number, if there is one.
  const announced = Number(request.headers["content-length"] ?? 0);
  return refusalOf(announced, announced, maxBytes, pending);
}

/**
 * Collects a request's body, as it was sent, and counts it as it comes. Resolves once,
 * and never rejects.
 *
 * After a refusal the rest of the body is discarded as it arrives, so that the client
 * reads the answer instead of a reset; the answer should close the connection. How long
 * a body may take is up to the server, which ends the request as `gone`.
 *
 * @param request the request as a stream
 * @param maxBytes largest body, as sent
 */
export function readBody(request: Readable, maxBytes: number, pending: PendingBytes): Promise<Body> {
  // Whoever comes after the close waits for it in vain.
  if (request.destroyed) return Promise.resolve({ kind: "gone" });
  return new Promise((resolve) => collect(request, maxBytes, pending, resolve));
}

/** A body that is there already, counted as one that is read. */
export function takeWhole(body: Buffer, maxBytes: number, pending: PendingBytes): TakenBody | RefusedBody {
  const refusal = refusalOf(body.length, body.length, maxBytes, pending);
  if (refusal !== undefined) return refusal;
  pending.reserve(body.length);
  return { kind: "body", body };
}

function collect(request: Readable, maxBytes: number, pending: PendingBytes, resolve: (result: Body) => void): void {
  let first: Buffer | undefined;
  // Most bodies come in one chunk and need no list and no copy.
  let more: Buffer[] | undefined;
  let length = 0;
  let settled = false;

  const giveUp = (result: RefusedBody | GoneBody): void => {
    settled = true;
    pending.release(length);
    first = undefined;
    more = undefined;
    resolve(result);
  };
  request.on("data", (chunk: Buffer) => {
    // The rest of a refused body flows through here and is dropped.
    if (settled) return;
    const refusal = refusalOf(chunk.length, length + chunk.length, maxBytes, pending);
    if (refusal !== undefined) {
      giveUp(refusal);
      return;
    }
    pending.reserve(chunk.length);
    length += chunk.length;
    if (first === undefined) first = chunk;
    else if (more === undefined) more = [first, chunk];
    else more.push(chunk);
  });
  request.on("end", () => {
    if (settled) return;
    settled = true;
    const body = more === undefined ? (first ?? Buffer.alloc(0)) : Buffer.concat(more, length);
    // These listeners live as long as the request, the body no longer than it is needed.
    first = undefined;
    more = undefined;
    resolve({ kind: "body", body });
  });
  request.on("error", ignore);
  // A stream of HTTP/2 that is reset without an error ends as if its body were complete, but tells so first.
  request.on("aborted", () => {
    if (!settled) giveUp({ kind: "gone" });
  });
  // Comes after every other event, and alone when the client went away.
  request.on("close", () => {
    if (!settled) giveUp({ kind: "gone" });
  });
}

/** Why `more` bytes, which bring the body to `total`, cannot be taken. */
function refusalOf(more: number, total: number, maxBytes: number, pending: PendingBytes): RefusedBody | undefined {
  if (total > maxBytes) return tooLarge(maxBytes);
  return pending.fits(more) ? undefined : overloaded();
}

/** What an aborted request emits before it closes. */
function ignore(): void {}
