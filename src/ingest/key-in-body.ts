import type { RequestHead } from "./exchange.ts";
import type { ProtocolEndpoint } from "./protocols/protocol.ts";

/** Larger bodies are not looked through, whoever sends them: clients send half of it at most. */
const MAX_KEYED_BYTES = 1024 ** 2;

/** The write key within a body, where its protocol puts one. */
export function keyInBody(endpoint: ProtocolEndpoint, body: Buffer, head: RequestHead): string | undefined {
  return body.length > MAX_KEYED_BYTES ? undefined : endpoint.keyIn?.(body, head);
}
