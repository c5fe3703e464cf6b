import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";
import { z } from "zod";
import { MillraceError } from "../core/errors.ts";

/** The `tls:` key of a sink that connects by TLS: by what it knows the server, and the server knows it. */
export const outboundTlsField = z
  .strictObject({
    caFile: z
      .string()
      .min(1)
      .optional()
      .describe("PEM file of the authorities to trust, instead of those that Node trusts."),
    certFile: z.string().min(1).optional().describe("PEM file of the client's certificate, for mutual TLS."),
    keyFile: z.string().min(1).optional().describe("PEM file of the client's private key."),
    serverName: z
      .string()
      .min(1)
      .optional()
      .describe("Name that the server's certificate must have. Default: the host."),
  })
  .refine(({ certFile, keyFile }) => (certFile === undefined) === (keyFile === undefined), {
    error: "certFile and keyFile belong together",
  })
  .optional();

export type OutboundTlsConfig = z.infer<typeof outboundTlsField>;

/** Options of `tls.connect`, which undici and other clients hand on. */
export interface TlsMaterial {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
  readonly servername?: string;
}

/** Reads the files. Throws `sink_misconfigured`, naming the field whose file cannot be read or used. */
export function readTlsMaterial(config: OutboundTlsConfig, sink: string): TlsMaterial | undefined {
  if (config === undefined) return undefined;
  const misconfigured = (what: string, error?: unknown): MillraceError => {
    const problem = error instanceof Error ? `: ${error.message}` : "";
    return new MillraceError("sink_misconfigured", `sink ${sink}: ${what}${problem}`, { cause: error });
  };
  const read = (field: "caFile" | "certFile" | "keyFile"): Buffer | undefined => {
    const file = config[field];
    if (file === undefined) return undefined;
    try {
      return readFileSync(file);
    } catch (error) {
      throw misconfigured(`tls.${field} cannot be read`, error);
    }
  };
  const [ca, cert, key] = [read("caFile"), read("certFile"), read("keyFile")];
  // Of a file of authorities that holds none, TLS says only later, and of the server's certificate, that it is wrong.
  if (ca !== undefined && !ca.includes("-----BEGIN"))
    throw misconfigured("tls.caFile holds no certificate in PEM form");
  try {
    if (cert !== undefined && key !== undefined) createSecureContext({ cert, key });
  } catch (error) {
    throw misconfigured("tls.certFile and tls.keyFile cannot be used together", error);
  }
  return {
    ...(ca && { ca }),
    ...(cert && { cert }),
    ...(key && { key }),
    ...(config.serverName !== undefined && { servername: config.serverName }),
  };
}
