import type { RequestHead } from "../../exchange.ts";

/** A DNS name, perhaps with a port. Nothing else is repeated to the sender. */
const ORIGIN = /^[\w.:*-]{1,255}$/;

/**
 * Consents, in headers of the answer to OPTIONS, to be sent events by the system that asks
 * (CloudEvents 1.0.2, HTTP 1.1 Web Hooks, 4). As often as it likes: who exceeds a quota is told so
 * when that happens.
 */
export function greetWebhook({ headers }: RequestHead): readonly string[] {
  const origin = headers["webhook-request-origin"];
  if (typeof origin !== "string" || !ORIGIN.test(origin)) return [];
  return ["WebHook-Allowed-Origin", origin, "WebHook-Allowed-Rate", "*"];
}
