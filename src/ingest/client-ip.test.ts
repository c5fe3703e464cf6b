import * as fc from "fast-check";
import { expect, test } from "vitest";
import { ClientIpPrivacy, clientAddress, clientNetwork, truncateAddress } from "./client-ip.ts";

test("without trusted proxies X-Forwarded-For is ignored", () => {
  expect(clientAddress("192.0.2.1", "203.0.113.9", 0)).toBe("192.0.2.1");
  expect(clientAddress("::ffff:192.0.2.1", undefined, 2)).toBe("192.0.2.1");
});

test("trusted hops are counted from the right, so a client cannot forge its address", () => {
  const forged = "6.6.6.6, 203.0.113.9, 10.0.0.1";
  expect(clientAddress("10.0.0.2", forged, 1)).toBe("10.0.0.1");
  expect(clientAddress("10.0.0.2", forged, 2)).toBe("203.0.113.9");
  expect(clientAddress("10.0.0.2", "203.0.113.9", 2)).toBe("203.0.113.9");
});

test.each([
  ["203.0.113.9:4711", "203.0.113.9"],
  ["[2001:DB8::1]:443", "2001:db8::1"],
  ["2001:db8::1", "2001:db8::1"],
  ["fe80::1%eth0", "fe80::1"],
  ["::FFFF:203.0.113.9", "203.0.113.9"],
  ["unknown", undefined],
  ["", undefined],
  ["[", undefined],
])("the forwarded address %j is read as %j", (forwarded, address) => {
  expect(clientAddress("10.0.0.2", forwarded, 1)).toBe(address);
});

test("whatever a proxy forwards, the result is an address or nothing", () => {
  fc.assert(
    fc.property(fc.string(), fc.integer({ min: 1, max: 4 }), (header, hops) => {
      expect(clientAddress("10.0.0.2", header, hops) ?? "::").toMatch(/^[0-9a-f.:]+$/);
    }),
  );
});

test.each([
  ["203.0.113.9", "203.0.113.0"],
  ["2001:db8:12:34::1", "2001:db8:12::"],
  ["2001:0db8:0:34::1", "2001:db8:0::"],
  ["2001:db8::1", "2001:db8:0::"],
  ["::1", "0:0:0::"],
  ["1::2:3:4:5:6:7", "1:0:2::"],
  ["64:ff9b::192.0.2.1", "64:ff9b:0::"],
])("%s is truncated to its network %s", (address, truncated) => {
  expect(truncateAddress(address)).toBe(truncated);
});

test("an address and its truncation are in the same /48", () => {
  fc.assert(
    fc.property(fc.ipV6(), (address) => {
      const plain = clientAddress(address, undefined, 0) ?? "";
      fc.pre(plain.includes(":"));
      expect(network(truncateAddress(plain))).toEqual(network(plain));
    }),
  );
});

test("a client is an IPv4 address, or the /64 of an IPv6 address", () => {
  fc.assert(
    fc.property(fc.ipV6(), (address) => {
      const plain = clientAddress(address, undefined, 0) ?? "";
      fc.pre(plain.includes(":"));
      expect(clientNetwork(plain).map((group) => group.toString(16))).toEqual(network(plain, 4));
    }),
  );
  expect(clientNetwork("2001:db8:0:7::1")).toEqual(clientNetwork("2001:db8:0:7:ffff:ffff:ffff:ffff"));
  expect(clientNetwork("2001:db8:0:7::1")).not.toEqual(clientNetwork("2001:db8:0:8::1"));
  expect(clientNetwork("192.0.2.1")).not.toEqual(clientNetwork("192.0.2.2"));
  expect(clientNetwork("192.0.2.1")).not.toEqual(clientNetwork("2.1.192.0"));
});

/** The first groups of an address, read by another parser. */
function network(address: string, groups = 3): string[] {
  const host = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const [left = "", right = ""] = host.split("::");
  const [head, tail] = [left.split(":").filter(Boolean), right.split(":").filter(Boolean)];
  const zeros = Array<string>(8 - head.length - tail.length).fill("0");
  return [...head, ...zeros, ...tail].slice(0, groups);
}

test("a hashed address is the same all day and cannot be told the next day", () => {
  const privacy = new ClientIpPrivacy();
  const day = 86_400_000;
  const monday = privacy.apply("203.0.113.9", "hashed", day);
  expect(privacy.apply("203.0.113.9", "hashed", 2 * day - 1)).toBe(monday);
  expect(privacy.apply("203.0.113.8", "hashed", 2 * day - 1)).not.toBe(monday);
  expect(privacy.apply("203.0.113.9", "hashed", 2 * day)).not.toBe(monday);
  expect(privacy.apply("203.0.113.9", "none", day)).toBeUndefined();
  expect(privacy.apply("203.0.113.9", "full", day)).toBe("203.0.113.9");
  expect(privacy.apply("203.0.113.9", "truncated", day)).toBe("203.0.113.0");
});
