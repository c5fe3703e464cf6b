import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { TlsConfig } from "../config.ts";

interface Pair {
  readonly cert: string;
  readonly key: string;
}

/**
 * Two certificates for localhost and 127.0.0.1, made for these tests and valid for 100 years:
 * openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 36500 \
 *   -subj /CN=localhost -addext "subjectAltName=DNS:localhost,IP:127.0.0.1" -keyout key.pem -out cert.pem
 */
export const FIRST: Pair = {
  cert: `-----BEGIN CERTIFICATE-----
MIIBmzCCAUGgAwIBAgIUN7wIOoaYn++hkmjFdLhVUKbjFmcwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyNTAzMTkxOFoYDzIxMjYxMTAx
MDMxOTE4WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAASqLIuTzs11Ljare+hNIvcFPahadjoPhkmhNwhYeXQI2Kaf/vQgyuUj
dkwuN5b0B1XshnwEJ1xlUPoqvE3Av3Obo28wbTAdBgNVHQ4EFgQUJ+84IJreHHFC
4HGERx4AJZFohLgwHwYDVR0jBBgwFoAUJ+84IJreHHFC4HGERx4AJZFohLgwDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
zj0EAwIDSAAwRQIgTcaFHBWwoMJrH4rSdFzNV9bwkmHtzk0Z3+WK65m5NiwCIQDW
l3HC1znOUPd3e4B3JfogfVVSECnNJQ/Hn+0YNlTAYw==
-----END CERTIFICATE-----
`,
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgabY6nykPBJ3qM9Hb
5l0b1uhYHKpHTs/05KGR6FFV+mGhRANCAASqLIuTzs11Ljare+hNIvcFPahadjoP
hkmhNwhYeXQI2Kaf/vQgyuUjdkwuN5b0B1XshnwEJ1xlUPoqvE3Av3Ob
-----END PRIVATE KEY-----
`,
};

export const SECOND: Pair = {
  cert: `-----BEGIN CERTIFICATE-----
MIIBmzCCAUGgAwIBAgIUZBZP6fqfPE2zy2L4uOMX8OoKSYswCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyNTAzMTkxOFoYDzIxMjYxMTAx
MDMxOTE4WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAScIWBdlVwRN7JU3B9apY5aWd0p42KI4BBmVVEvptwp/PUWi1pNJST2
ajWxUkAv3H/5Ycwy8T2iNOxsvIQvEWYwo28wbTAdBgNVHQ4EFgQU6Vy+jx51X8IY
/qixB6R0hpbdndEwHwYDVR0jBBgwFoAU6Vy+jx51X8IY/qixB6R0hpbdndEwDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
zj0EAwIDSAAwRQIgVfL4ZAfn+kLU2tGmaijreGfypcMQoLjrZpktCgpipAICIQD9
QjmYiIyqR1RzrH3kTFDqbjurPr+qCStRcic4a5g3YQ==
-----END CERTIFICATE-----
`,
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg2PZW3AmY/FCih/5n
/we30kDe0G8hC0qvGtxGeZ+PV+6hRANCAAScIWBdlVwRN7JU3B9apY5aWd0p42KI
4BBmVVEvptwp/PUWi1pNJST2ajWxUkAv3H/5Ycwy8T2iNOxsvIQvEWYw
-----END PRIVATE KEY-----
`,
};

/** A key of 512 bits, which OpenSSL does not serve. */
export const WEAK: Pair = {
  cert: `-----BEGIN CERTIFICATE-----
MIIBgTCCASugAwIBAgIUE+BEi4yXEzQ1VBeGLnimarwQwXowDQYJKoZIhvcNAQEL
BQAwFDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyNTAzMzQxNFoYDzIxMjYx
MTAxMDMzNDE0WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwXDANBgkqhkiG9w0BAQEF
AANLADBIAkEAwAKK9bRRwZygLyVkjJ46EfQfiDVt3yMXXHlKXnZcDubzvYngP5Mb
GEfNGt3e4rOZbkOCrgXQ3mpB4AW3XRB91wIDAQABo1MwUTAdBgNVHQ4EFgQU2Ap1
YX2vskIsoknhfaKcCPQAH14wHwYDVR0jBBgwFoAU2Ap1YX2vskIsoknhfaKcCPQA
H14wDwYDVR0TAQH/BAUwAwEB/zANBgkqhkiG9w0BAQsFAANBAKhabFjGxCVcu6VP
DkDOR+YyJWasJ2A79sofNdNOX92lD5YJhhuMw5KhGDuTycdP9jzyRTqYK/icwBHL
XstHvx4=
-----END CERTIFICATE-----
`,
  key: `-----BEGIN PRIVATE KEY-----
MIIBVgIBADANBgkqhkiG9w0BAQEFAASCAUAwggE8AgEAAkEAwAKK9bRRwZygLyVk
jJ46EfQfiDVt3yMXXHlKXnZcDubzvYngP5MbGEfNGt3e4rOZbkOCrgXQ3mpB4AW3
XRB91wIDAQABAkEAuoH9ztr/yyxDoGgW+kw7pfLWqi0T83oXmBis94LKuyFC1aae
kXI28ShYaqDvM786B9OEIT0R33B3UbetkUwvYQIhAPzI+nDxYsKx96DKu2LScxZu
TMkXtOHJennT0my8+jgHAiEAwnOxHQTLbyCUmnjZqUorvveXzanCShjAaf1hpC23
97ECIQCeZalYoEkMSswqOx7UO57WDWOcFnjHiqJuOGcAsCHyfQIhALz4A3Io+65m
IiQwN46uNu8h3FOQmvC5NxyJkf8kMvkxAiBESKHTukWSE1Uj7Q+XWhq9YoXam7PO
/wEPN5CG1Im0mA==
-----END PRIVATE KEY-----
`,
};

/** For the key of `FIRST`; it ended in 2021. */
export const EXPIRED_CERT = `-----BEGIN CERTIFICATE-----
MIIBDzCBtgIBATAKBggqhkjOPQQDAjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwHhcN
MjAwMTAxMDAwMDAwWhcNMjEwMTAxMDAwMDAwWjAUMRIwEAYDVQQDDAlsb2NhbGhv
c3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAASqLIuTzs11Ljare+hNIvcFPaha
djoPhkmhNwhYeXQI2Kaf/vQgyuUjdkwuN5b0B1XshnwEJ1xlUPoqvE3Av3ObMAoG
CCqGSM49BAMCA0gAMEUCIE18Djok9ucQpZGUVMTpKO1Hy7753KdcQnn8Nt0siCzY
AiEA1Pwqs7Bw7mGCqd9/XxrH83YNFtIb1g1B7f8Im5DWNHg=
-----END CERTIFICATE-----
`;

/** The key of `FIRST`, with the passphrase "secret". */
export const ENCRYPTED_KEY = `-----BEGIN ENCRYPTED PRIVATE KEY-----
MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAggJ55x3beMVAICCAAw
DAYIKoZIhvcNAgkFADAdBglghkgBZQMEAQIEEEahHgG4r38+8HqjwZB9fr0EgZC2
a2EtOx7n0CQvyLwCa1iqkRc0q67Qk07E3f81d5PZCu5UYUVoxp0VCTMA3FdSTcXn
jxRYia7QNXvkChCqtv0BV9J6NkZuDTN5rTcBvUdpnhP8uVp7j/XEymgToLh2VWX0
zru5pUPvGmHZq5Iu2VCzQdlUsf1aeJITBQDzXS4O9u5ibw3PyBrMWhrczUdmoJE=
-----END ENCRYPTED PRIVATE KEY-----
`;

/** A folder with the two files of a certificate, which is removed in the end. */
export async function certificateFolder(pair: Pair = FIRST) {
  const dir = await mkdtemp(path.join(tmpdir(), "millrace-tls-"));
  const config: TlsConfig = {
    cert: path.join(dir, "cert.pem"),
    key: path.join(dir, "key.pem"),
    minVersion: "TLSv1.2",
    http2: true,
  };
  const write = async ({ cert, key }: Partial<Pair>): Promise<void> => {
    if (cert !== undefined) await writeFile(config.cert, cert);
    if (key !== undefined) await writeFile(config.key, key);
  };
  await write(pair);
  return {
    dir,
    config,
    write,
    [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }),
  };
}
