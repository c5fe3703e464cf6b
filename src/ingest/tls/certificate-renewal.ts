import type { Server } from "node:tls";
import type { Logger } from "pino";
import type { Clock, Timer } from "../../core/clock.ts";
import type { TlsConfig } from "../config.ts";
import type { IngestMetrics } from "../metrics.ts";
import { type Certificate, readCertificateFiles } from "./certificate.ts";
import { type FirstCertificate, REFUSED } from "./first-certificate.ts";
import { contextOptions } from "./tls-server.ts";

const POLL_MS = 5_000;

const DAY_MS = 86_400_000;

/** Certificates are commonly renewed 30 days before they expire, so by then a renewal has failed for two weeks. */
const WARN_BEFORE_MS = 14 * DAY_MS;

export interface RenewalOptions {
  readonly server: Server;
  readonly config: TlsConfig;
  /** The one that `server` started with. */
  readonly first: FirstCertificate;
  /** Told of each certificate that comes into force. */
  readonly onRenewed: (certificate: Certificate) => void;
  readonly metrics: Pick<IngestMetrics, "showCertificateExpiry">;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Puts a new certificate into force when its files have changed, and warns of one that is
 * about to expire. Connections that are open keep theirs.
 *
 * It reads the files again and again, which is cheap, and finds every kind of change: a file
 * that is rewritten or replaced, and links that are swapped on the way to it, as Kubernetes
 * and certbot do. What it reads counts once it is the same twice, so a certificate whose key
 * is yet to be written is no failure. A pair that is not valid is refused, once, in the log.
 */
export class CertificateRenewal {
  readonly #options: RenewalOptions;
  #certificate: Certificate;
  /** What was found last, in force or not. */
  #seen: string;
  /** What needs no other look. */
  #known: string;
  #nextWarningMs = Number.NEGATIVE_INFINITY;
  #timer: Timer | undefined;
  #stopped = false;

  constructor(options: RenewalOptions) {
    this.#options = options;
    this.#certificate = options.first.certificate;
    this.#seen = options.first.found.text;
    this.#known = this.#seen;
    options.metrics.showCertificateExpiry(() => this.#certificate.expiresMs / 1_000);
    this.#warnOfExpiry();
    this.#schedule();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #schedule(): void {
    if (this.#stopped) return;
    this.#timer = this.#options.clock.after(POLL_MS, () => {
      void this.#look().then(() => this.#schedule());
    });
  }

  async #look(): Promise<void> {
    const { config, server, onRenewed, log } = this.#options;
    const found = await readCertificateFiles(config);
    if (this.#stopped) return;
    this.#warnOfExpiry();
    const isSettled = found.text === this.#seen;
    this.#seen = found.text;
    if (!isSettled || found.text === this.#known) return;
    this.#known = found.text;
    try {
      this.#certificate = found.check();
    } catch (error) {
      log.error({ err: error }, REFUSED);
      return;
    }
    server.setSecureContext(contextOptions(this.#certificate, config));
    onRenewed(this.#certificate);
    this.#nextWarningMs = Number.NEGATIVE_INFINITY;
    log.info({ expires: expiryOf(this.#certificate) }, "a new TLS certificate is in force");
    this.#warnOfExpiry();
  }

  /** Once a day. */
  #warnOfExpiry(): void {
    const { clock, config, log } = this.#options;
    const nowMs = clock.nowMs();
    if (this.#certificate.expiresMs - nowMs > WARN_BEFORE_MS || nowMs < this.#nextWarningMs) return;
    this.#nextWarningMs = nowMs + DAY_MS;
    const expired = this.#certificate.expiresMs <= nowMs;
    const message = expired
      ? "the TLS certificate has expired, and clients refuse it: put a new one in its place"
      : "the TLS certificate expires soon: put a new one in its place, which is then used without a restart";
    log.warn({ cert: config.cert, expires: expiryOf(this.#certificate) }, message);
  }
}

function expiryOf({ expiresMs }: Certificate): string {
  return new Date(expiresMs).toISOString();
}
