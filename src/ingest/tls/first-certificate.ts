import type { Logger } from "pino";
import type { TlsConfig } from "../config.ts";
import { type Certificate, type FoundFiles, readCertificateFiles } from "./certificate.ts";

export const REFUSED = "the new TLS certificate is refused; the old one stays in force";

/** What outlives a process, so that the one that replaces it has what it served last. It holds the private key: not for the log. */
export interface CertificateHandover {
  /** What an earlier process served. */
  readonly earlier: Certificate | undefined;
  /** Told of each certificate that comes into force. */
  readonly keep: (certificate: Certificate) => void;
}

/** What is served at the start. */
export interface FirstCertificate {
  readonly certificate: Certificate;
  /** What the files held then, be it this certificate or one that was refused. */
  readonly found: FoundFiles;
}

/**
 * The certificate of the files or, when it is refused, the one that an earlier process served:
 * files that became invalid cost no more at a restart than while the process lived. Throws
 * `tls_invalid` when there is neither.
 */
export async function firstCertificate(
  config: TlsConfig,
  handover: CertificateHandover | undefined,
  log: Logger,
): Promise<FirstCertificate> {
  const found = await readCertificateFiles(config);
  try {
    const certificate = found.check();
    handover?.keep(certificate);
    return { certificate, found };
  } catch (error) {
    if (handover?.earlier === undefined) throw error;
    log.error({ err: error }, REFUSED);
    return { certificate: handover.earlier, found };
  }
}
