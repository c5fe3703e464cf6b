import type { Exchange, ProblemForm } from "../exchange.ts";
import type { Taken } from "./protocol.ts";

const MEDIA_TYPE = "image/gif";

/** One transparent pixel, in 43 bytes. */
const GIF = Buffer.from("R0lGODlhAQABAIAAAP///wAAACH5BAEAAAAALAAAAAABAAEAAAICRAEAOw==", "base64");

/**
 * Tells an `<img>` that its event is taken. Never from a cache, or the next event would not come.
 *
 * @param more further headers, in pairs
 */
export function answerGif(exchange: Exchange, { receipt, pending }: Taken, more: readonly string[] = []): void {
  const headers = ["Cache-Control", "no-store", ...more];
  if (receipt !== undefined) headers.push("Millrace-Receipt", receipt);
  exchange.body(pending ? 202 : 200, MEDIA_TYPE, GIF, headers);
}

/** Refuses with an image too, so that a mail or a page never shows a broken one. The status tells, and a header why. */
export const gifProblem: ProblemForm = ({ code }) => ({
  mediaType: MEDIA_TYPE,
  body: GIF,
  headers: ["Millrace-Problem", code],
});
