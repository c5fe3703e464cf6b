import { readFileSync } from "node:fs";
import {
  type ConnectionOptions,
  credsAuthenticator,
  nkeyAuthenticator,
  type TlsOptions,
} from "@nats-io/transport-node";
import { MillraceError } from "../../core/errors.ts";
import { readTlsMaterial } from "../../outbound/tls-config.ts";
import type { NatsConfig } from "./config.ts";

/** Long enough for a handshake across an ocean, short enough to try the next server. */
const CONNECT_TIMEOUT_MS = 5_000;

/** A connection on which nothing comes back for twice as long is given up. */
const PING_INTERVAL_MS = 10_000;

/** Throws `sink_misconfigured` when a file cannot be read. */
export function connectionOptions(config: NatsConfig): ConnectionOptions {
  const tls = readTlsMaterial(config.tls, config.name);
  const { ca, cert, key, ...names } = tls ?? {};
  const pem: TlsOptions = {
    ...(ca && { ca: ca.toString() }),
    ...(cert && { cert: cert.toString() }),
    ...(key && { key: key.toString() }),
    ...names,
  };
  return {
    servers: config.servers,
    name: `millrace ${config.name}`,
    timeout: Math.min(CONNECT_TIMEOUT_MS, config.timeoutMs),
    pingInterval: PING_INTERVAL_MS,
    maxPingOut: 2,
    // Whoever writes connects again: the library would keep what is published meanwhile, without a bound.
    reconnect: false,
    noAsyncTraces: true,
    inboxPrefix: config.inboxPrefix,
    ...(tls && { tls: pem }),
    ...login(config),
  };
}

function login({ auth, name }: NatsConfig): Pick<ConnectionOptions, "user" | "pass" | "token" | "authenticator"> {
  if (auth === undefined) return {};
  if (auth.user !== undefined && auth.password !== undefined) return { user: auth.user, pass: auth.password };
  if (auth.token !== undefined) return { token: auth.token };
  if (auth.nkeySeed !== undefined) return { authenticator: nkeyAuthenticator(Buffer.from(auth.nkeySeed)) };
  if (auth.credsFile === undefined) return {};
  try {
    return { authenticator: credsAuthenticator(readFileSync(auth.credsFile)) };
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    throw new MillraceError("sink_misconfigured", `sink ${name}: auth.credsFile cannot be read: ${problem}`, {
      cause: error,
    });
  }
}
