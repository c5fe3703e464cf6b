import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { errorInWords } from "./quotable.ts";
import type { TlsMaterial } from "./tls-config.ts";

/**
 * Opens a connection, by TLS where the URL says https, and closes it without sending a request.
 * Resolves with what is wrong, for a person; `undefined` when it can be opened.
 */
export function whyUnreachable(
  endpoint: URL,
  tls: TlsMaterial | undefined,
  signal: AbortSignal,
): Promise<string | undefined> {
  const isTls = endpoint.protocol === "https:";
  const host = endpoint.hostname.replaceAll(/^\[|\]$/g, "");
  const port = endpoint.port === "" ? (isTls ? 443 : 80) : Number(endpoint.port);
  if (signal.aborted) return Promise.resolve(`${endpoint.host} was not looked at: there was no time`);
  const servername = tls?.servername ?? (isIP(host) === 0 ? host : undefined);
  const socket: Socket = isTls
    ? connectTls({ ...tls, host, port, ...(servername !== undefined && { servername }) })
    : connectTcp({ host, port });
  return new Promise((resolve) => {
    const end = (problem: string | undefined): void => {
      signal.removeEventListener("abort", abort);
      socket.destroy();
      resolve(problem);
    };
    const abort = () => end(`${endpoint.host} does not answer: check the address, and firewalls in between`);
    signal.addEventListener("abort", abort, { once: true });
    socket.once(isTls ? "secureConnect" : "connect", () => end(undefined));
    socket.on("error", (error) => end(`${endpoint.host} cannot be connected to: ${errorInWords(error)}`));
  });
}
