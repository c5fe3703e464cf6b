import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { makeReplayToken } from "../journal/replay-token.ts";
import { tokenFor } from "./event-port-target.ts";

test("the token of this machine's collector is shown to nobody else", async () => {
  const dir = await mkdtemp(path.join(tmpdir(), "millrace-token-"));
  onTestFinished(() => rm(dir, { recursive: true }));
  const token = await makeReplayToken({ dir });
  const config = { listen: { host: "10.0.0.7" }, journal: { dir } };
  const shownTo = (url: string) => tokenFor(new URL(url), config);
  for (const own of ["http://127.0.0.1:8080", "http://localhost:8080", "http://[::1]:8080", "https://10.0.0.7"])
    expect(await shownTo(own)).toBe(token);
  for (const other of ["http://10.0.0.8", "https://127.0.0.1.example.com", "http://localhost.example.com"])
    expect(await shownTo(other)).toBeUndefined();
});
