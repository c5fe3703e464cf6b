import { expect, test } from "vitest";
import { loadCertificate } from "./certificate.ts";
import { certificateFolder, ENCRYPTED_KEY, EXPIRED_CERT, FIRST, SECOND, WEAK } from "./tls-fixture.ts";

test("a certificate is read with its key, and the time it expires", async () => {
  await using folder = await certificateFolder();
  const { expiresMs, ...pair } = await loadCertificate(folder.config);
  expect(pair).toEqual(FIRST);
  expect(new Date(expiresMs).toISOString()).toBe("2120-01-01T00:00:00.000Z");
});

test("a certificate may be followed by those that lead to its root", async () => {
  await using folder = await certificateFolder({ cert: FIRST.cert + SECOND.cert, key: FIRST.key });
  expect(await loadCertificate(folder.config)).toMatchObject({ key: FIRST.key });
});

test.each([
  ["another certificate's key", { key: SECOND.key }, /for another key than the one in .*key\.pem/],
  ["the chain before the certificate", { cert: SECOND.cert + FIRST.cert }, /the server itself comes first/],
  ["a key where the certificate should be", { cert: FIRST.key }, /cert\.pem, does not begin with a certificate/],
  ["a certificate where the key should be", { key: FIRST.cert }, /key\.pem, is not a private key/],
  ["an empty file", { cert: "" }, /cert\.pem, does not begin with a certificate/],
  ["a key with a passphrase", { key: ENCRYPTED_KEY }, /key\.pem, is not a private key in PEM without a passphrase/],
  ["a key that is too short to be safe", WEAK, /cannot be served with the key.*too small/],
])("%s is refused, with what to do", async (_name, files, words) => {
  await using folder = await certificateFolder();
  await folder.write(files);
  const loading = loadCertificate(folder.config);
  await expect(loading).rejects.toMatchObject({ code: "tls_invalid" });
  await expect(loading).rejects.toThrow(words);
});

test.each(["cert", "key"] as const)("a %s that cannot be read is told by its name", async (member) => {
  await using folder = await certificateFolder();
  const config = { ...folder.config, [member]: `${folder.dir}/absent.pem` };
  const loading = loadCertificate(config);
  await expect(loading).rejects.toMatchObject({ code: "tls_invalid" });
  await expect(loading).rejects.toThrow(
    new RegExp(`listen\\.tls\\.${member}, .*absent\\.pem, cannot be read \\(ENOENT`),
  );
});

test("a certificate that has expired is no reason not to start", async () => {
  await using folder = await certificateFolder({ cert: EXPIRED_CERT, key: FIRST.key });
  expect((await loadCertificate(folder.config)).expiresMs).toBe(Date.parse("2021-01-01T00:00:00Z"));
});
