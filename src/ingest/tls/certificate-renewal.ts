import type { Server } from "node:tls";
import type { Logger } from "pino";
import type { Clock, Timer } from "../../core/clock.ts";
import type { TlsConfig } from "../config.ts";
import type { IngestMetrics } from "../metrics.ts";
import { type Certificate, type CertificateFiles, checkCertificate, readCertificateFiles } from "./certificate.ts";
import { contextOptions } from "./tls-server.ts";

const POLL_MS = 5_000;

const DAY_MS = 86_400_000;

/** Certificates are commonly renewed 30 days before they expire, so by then a renewal has failed for two weeks. */
const WARN_BEFORE_MS = 14 * DAY_MS;

export interface RenewalOptions {
  readonly server: Server;
  readonly config: TlsConfig;
  /** The one that `server` started with. */
  readonly certificate: Certificate;
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
    this.#certificate = options.certificate;
    this.#seen = textOf(options.certificate);
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
    const { config } = this.#options;
    let files: CertificateFiles | undefined;
    let failure: unknown;
    try {
      files = await readCertificateFiles(config);
    } catch (error) {
      failure = error;
    }
    if (this.#stopped) return;
    this.#warnOfExpiry();
    const seen = files === undefined ? String(failure) : textOf(files);
    const isSettled = seen === this.#seen;
    this.#seen = seen;
    if (!isSettled || seen === this.#known) return;
    this.#known = seen;
    try {
      if (files === undefined) throw failure;
      this.#certificate = checkCertificate(files, config);
    } catch (error) {
      this.#options.log.error({ err: error }, "the new TLS certificate is refused; the old one stays in force");
      return;
    }
    this.#options.server.setSecureContext(contextOptions(this.#certificate, config));
    this.#nextWarningMs = Number.NEGATIVE_INFINITY;
    this.#options.log.info({ expires: expiryOf(this.#certificate) }, "a new TLS certificate is in force");
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

function textOf({ cert, key }: CertificateFiles): string {
  return `${cert}\n${key}`;
}

function expiryOf({ expiresMs }: Certificate): string {
  return new Date(expiresMs).toISOString();
}
