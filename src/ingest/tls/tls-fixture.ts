import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { TlsConfig } from "../config.ts";

interface Pair {
  readonly cert: string;
  readonly key: string;
}

/**
 * Two certificates for localhost and 127.0.0.1, of P-256 keys that were made for these tests, valid from 2020 to 2120:
 * openssl ca -selfsign -startdate 20200101000000Z -enddate 21200101000000Z, with subjectAltName.
 */
export const FIRST: Pair = {
  cert: `-----BEGIN CERTIFICATE-----
MIIBZjCCAQ2gAwIBAgIBAjAKBggqhkjOPQQDAjAUMRIwEAYDVQQDDAlsb2NhbGhv
c3QwIBcNMjAwMTAxMDAwMDAwWhgPMjEyMDAxMDEwMDAwMDBaMBQxEjAQBgNVBAMM
CWxvY2FsaG9zdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABKosi5POzXUuNqt7
6E0i9wU9qFp2Og+GSaE3CFh5dAjYpp/+9CDK5SN2TC43lvQHVeyGfAQnXGVQ+iq8
TcC/c5ujTjBMMBoGA1UdEQQTMBGCCWxvY2FsaG9zdIcEfwAAATAPBgNVHRMBAf8E
BTADAQH/MB0GA1UdDgQWBBQn7zggmt4ccULgcYRHHgAlkWiEuDAKBggqhkjOPQQD
AgNHADBEAiBekcTqZmntOIefVQ5sQyWBrbLOe8UvxtNZxmt7WC++BQIge4QGoyEg
SZdXPCqOCtVsycQgIbP09zyBXq/DYJ5hq9s=
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
MIIBaDCCAQ2gAwIBAgIBAzAKBggqhkjOPQQDAjAUMRIwEAYDVQQDDAlsb2NhbGhv
c3QwIBcNMjAwMTAxMDAwMDAwWhgPMjEyMDAxMDEwMDAwMDBaMBQxEjAQBgNVBAMM
CWxvY2FsaG9zdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABJwhYF2VXBE3slTc
H1qljlpZ3SnjYojgEGZVUS+m3Cn89RaLWk0lJPZqNbFSQC/cf/lhzDLxPaI07Gy8
hC8RZjCjTjBMMBoGA1UdEQQTMBGCCWxvY2FsaG9zdIcEfwAAATAPBgNVHRMBAf8E
BTADAQH/MB0GA1UdDgQWBBTpXL6PHnVfwhj+qLEHpHSGlt2d0TAKBggqhkjOPQQD
AgNJADBGAiEA57YFwfiRPlXP/HSoumJ/zVLYV4w75vHsOBhSxIS8vOsCIQDIVLFH
jovf1E3Fk6oFro1hV9PSHKxfPPvKhuPiuU0wZQ==
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
