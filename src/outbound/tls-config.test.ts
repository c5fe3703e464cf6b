import { mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { outboundTlsField, readTlsMaterial } from "./tls-config.ts";

test("files that cannot be read or used are said at once, with the field, and not when something is sent", async () => {
  await using dir = await mkdtempDisposable(path.join(tmpdir(), "millrace-"));
  const file = path.join(dir.path, "no.pem");
  await writeFile(file, "no certificate");
  const read = (tls: object) => () => readTlsMaterial(outboundTlsField.parse(tls), "hook");
  expect(read({ caFile: path.join(dir.path, "absent.pem") })).toThrow(/sink hook: tls\.caFile cannot be read: ENOENT/);
  expect(read({ caFile: file })).toThrow("sink hook: tls.caFile holds no certificate");
  expect(read({ certFile: file, keyFile: file })).toThrow(/tls\.certFile and tls\.keyFile cannot be used together: /);
  expect(read({ serverName: "a.example" })()).toEqual({ servername: "a.example" });
});
