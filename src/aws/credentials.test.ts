import { afterEach, expect, test, vi } from "vitest";
import { AwsCredentials, defaultIdentityProvider, type AwsIdentity, type IdentityProvider } from "./credentials.ts";

const OLD: AwsIdentity = { accessKeyId: "AKOLD", secretAccessKey: "s", sessionToken: "t1" };
const NEW: AwsIdentity = { accessKeyId: "AKOLD", secretAccessKey: "s", sessionToken: "t2" };

afterEach(() => vi.unstubAllEnvs());

/** Gives the old identity until a refresh is forced. */
function rotatingProvider() {
  let identity = OLD;
  return vi.fn<IdentityProvider>(async (options) => {
    if (options?.forceRefresh === true) identity = NEW;
    return identity;
  });
}

test("a refused identity is found afresh, once", async () => {
  const provider = rotatingProvider();
  const credentials = new AwsCredentials(provider);
  credentials.refuse(await credentials.current());
  expect(await credentials.current()).toBe(NEW);
  expect(await credentials.current()).toBe(NEW);
  expect(provider.mock.calls).toEqual([[undefined], [{ forceRefresh: true }], [undefined]]);
});

test("a late refusal of an identity already replaced forces no other refresh", async () => {
  const provider = rotatingProvider();
  const credentials = new AwsCredentials(provider);
  credentials.refuse(await credentials.current());
  await credentials.current();
  credentials.refuse(OLD);
  await credentials.current();
  expect(provider).toHaveBeenLastCalledWith(undefined);
});

test("after a failed refresh the next attempt forces one again", async () => {
  const provider = vi
    .fn<IdentityProvider>()
    .mockResolvedValueOnce(OLD)
    .mockRejectedValueOnce(new Error("down"))
    .mockResolvedValue(NEW);
  const credentials = new AwsCredentials(provider);
  credentials.refuse(await credentials.current());
  await expect(credentials.current()).rejects.toThrow("down");
  expect(await credentials.current()).toBe(NEW);
  expect(provider.mock.calls.slice(1)).toEqual([[{ forceRefresh: true }], [{ forceRefresh: true }]]);
});

test("the default chain reads the environment, and reads it again when a refresh is forced", async () => {
  vi.stubEnv("AWS_PROFILE", undefined);
  vi.stubEnv("AWS_ACCESS_KEY_ID", "AKONE");
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", "secret");
  const credentials = new AwsCredentials(defaultIdentityProvider("us-east-1"));
  const first = await credentials.current();
  expect(first.accessKeyId).toBe("AKONE");

  vi.stubEnv("AWS_ACCESS_KEY_ID", "AKTWO");
  expect((await credentials.current()).accessKeyId).toBe("AKONE");
  credentials.refuse(first);
  expect((await credentials.current()).accessKeyId).toBe("AKTWO");
});
