import { constants } from "node:crypto";
import { Socket } from "node:net";
import { createServer, type SecureContextOptions, type Server, type TLSSocket } from "node:tls";
import type { HttpConfig, TlsConfig } from "../config.ts";
import { answerOnSocket } from "../http1/client-errors.ts";
import type { IngestMetrics, TlsFailure } from "../metrics.ts";
import type { Problem } from "../problems.ts";
import type { Certificate } from "./certificate.ts";

const PLAIN_REQUEST: Problem = {
  code: "request_malformed",
  detail: "This port speaks TLS, and this is plain HTTP. Use https:// in the URL.",
};

/** What each certificate is served with. */
export function contextOptions({ cert, key }: Certificate, config: TlsConfig): SecureContextOptions {
  // A client of TLS 1.2 has no need to ask for new handshakes on a connection, which cost the server most.
  return { cert, key, minVersion: config.minVersion, secureOptions: constants.SSL_OP_NO_RENEGOTIATION };
}

/**
 * Listens with TLS, and hands each connection on once its handshake is done. A client that does
 * not finish it within `http.headersTimeoutMs` is cut off.
 */
export function createTlsServer(
  certificate: Certificate,
  config: TlsConfig,
  http: HttpConfig,
  metrics: Pick<IngestMetrics, "failedHandshake" | "refused">,
): Server {
  const server = createServer({
    ...contextOptions(certificate, config),
    ALPNProtocols: config.http2 ? ["h2", "http/1.1"] : ["http/1.1"],
    handshakeTimeout: http.headersTimeoutMs,
    noDelay: true,
  });
  server.on("tlsClientError", (error: NodeJS.ErrnoException, socket) => {
    const failure = failureOf(error);
    metrics.failedHandshake(failure);
    if (failure === "plain_http") answerPlainly(socket, metrics);
    else socket.destroy();
  });
  return server;
}

function failureOf({ code }: NodeJS.ErrnoException): TlsFailure {
  switch (code ?? "") {
    case "ERR_TLS_HANDSHAKE_TIMEOUT":
      return "timeout";
    case "ECONNRESET":
      return "gone";
    case "ERR_SSL_HTTP_REQUEST":
      return "plain_http";
    default:
      return "refused";
  }
}

/**
 * Answers a plain HTTP request below TLS. Node has no public way to the socket below; without
 * it the connection is closed without a word.
 */
function answerPlainly(socket: TLSSocket, metrics: Pick<IngestMetrics, "refused">): void {
  const below: unknown = Reflect.get(socket, "_parent");
  if (!(below instanceof Socket)) return;
  metrics.refused(PLAIN_REQUEST.code);
  answerOnSocket(below, PLAIN_REQUEST);
}
