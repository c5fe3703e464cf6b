import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createSecureContext } from "node:tls";
import { MillraceError } from "../../core/errors.ts";
import type { TlsConfig } from "../config.ts";

/** A certificate and its key that fit together, in PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
  /** When it stops being valid. Unix time. */
  readonly expiresMs: number;
}

/** What was there when the files were read. */
export interface FoundFiles {
  /** Differs when anything does: what the files hold, or why they cannot be read. Holds the key: not for the log. */
  readonly text: string;
  /** Throws `tls_invalid` when a file could not be read, or the two do not make a pair that can be served. */
  check(): Certificate;
}

/** Reads and checks the certificate and its key. Throws `tls_invalid`. An expired one is none of its concern. */
export async function loadCertificate(config: TlsConfig): Promise<Certificate> {
  return (await readCertificateFiles(config)).check();
}

/** Reads the files as they are, whatever is in them. */
export async function readCertificateFiles(config: TlsConfig): Promise<FoundFiles> {
  try {
    const [cert, key] = await Promise.all([read(config.cert, "cert"), read(config.key, "key")]);
    return { text: `${cert}\n${key}`, check: () => checkCertificate(cert, key, config) };
  } catch (error) {
    const check = () => {
      throw error;
    };
    return { text: String(error), check };
  }
}

function checkCertificate(cert: string, key: string, config: TlsConfig): Certificate {
  const leaf = parse(
    () => new X509Certificate(cert),
    `The file of listen.tls.cert, ${config.cert}, does not begin with a certificate in PEM (-----BEGIN CERTIFICATE-----)`,
  );
  const privateKey: KeyObject = parse(
    () => createPrivateKey(key),
    `The file of listen.tls.key, ${config.key}, is not a private key in PEM without a passphrase (-----BEGIN PRIVATE KEY-----)`,
  );
  if (!leaf.checkPrivateKey(privateKey)) {
    throw invalid(
      `The certificate in ${config.cert} is for another key than the one in ${config.key}. Name the two files that were issued together; the certificate of the server itself comes first in its file, before those that lead to its root.`,
    );
  }
  parse(
    () => createSecureContext({ cert, key, minVersion: config.minVersion }),
    `The certificate in ${config.cert} cannot be served with the key in ${config.key}`,
  );
  return { cert, key, expiresMs: Date.parse(leaf.validTo) };
}

async function read(file: string, member: "cert" | "key"): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    throw invalid(
      `The file of listen.tls.${member}, ${file}, cannot be read (${reasonOf(error)}). Name a PEM file that the collector may read; paths are relative to the configuration file.`,
      error,
    );
  }
}

function parse<Parsed>(make: () => Parsed, problem: string): Parsed {
  try {
    return make();
  } catch (error) {
    throw invalid(`${problem}: ${reasonOf(error)}.`, error);
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function invalid(message: string, cause?: unknown): MillraceError {
  return new MillraceError("tls_invalid", message, { cause });
}
