import { createHmac, randomBytes } from "node:crypto";
import { isIPv4, isIPv6 } from "node:net";
import type { ClientIpForm } from "./config.ts";

const DAY_MS = 86_400_000;

/**
 * The address of the client: the peer's, or with trusted proxies in front what the
 * outermost of them saw.
 *
 * Each proxy appends the address it was called from to X-Forwarded-For, so the places
 * are counted from the right: what a client writes into the header itself ends up
 * further left and is never believed. `undefined` when it is no IP address.
 */
export function clientAddress(
  peer: string | undefined,
  forwardedFor: string | undefined,
  trustedHops: number,
): string | undefined {
  if (trustedHops === 0 || forwardedFor === undefined) return peer === undefined ? undefined : plainAddress(peer);
  let end = forwardedFor.length;
  let start = forwardedFor.lastIndexOf(",") + 1;
  for (let hop = 1; hop < trustedHops && start > 0; hop++) {
    end = start - 1;
    start = end === 0 ? 0 : forwardedFor.lastIndexOf(",", end - 1) + 1;
  }
  return plainAddress(forwardedFor.slice(start, end).trim());
}

/** Without port, brackets, zone and the IPv6 clothes of an IPv4 address. */
function plainAddress(text: string): string | undefined {
  let address = text;
  if (address.startsWith("[")) address = address.slice(1, address.indexOf("]"));
  else if (address.includes(".")) {
    const colon = address.lastIndexOf(":");
    if (colon > 0 && address.indexOf(":") === colon) address = address.slice(0, colon);
  }
  if (isIPv4(address)) return address;
  if (!isIPv6(address)) return undefined;
  const zone = address.indexOf("%");
  if (zone > 0) address = address.slice(0, zone);
  address = address.toLowerCase();
  const mapped = address.startsWith("::ffff:") ? address.slice("::ffff:".length) : "";
  return isIPv4(mapped) ? mapped : address;
}

/** The network of an address: /24 for IPv4, /48 for IPv6, as analytics tools truncate for privacy. */
export function truncateAddress(address: string): string {
  if (!address.includes(":")) return `${address.slice(0, address.lastIndexOf("."))}.0`;
  return `${leadingGroups(address, 3)
    .map((group) => group.toString(16))
    .join(":")}::`;
}

/** Whom a quota takes for one client, as four numbers of 16 bits. */
export type ClientNetwork = readonly number[];

const UNKNOWN_NETWORK: ClientNetwork = [0, 0, 0, 0];

/**
 * An IPv4 address, or the /64 of an IPv6 address: it is the smallest that networks give
 * to a customer (RFC 6177), who has all of it. Unknown addresses count as one client.
 */
export function clientNetwork(address: string | undefined): ClientNetwork {
  if (address === undefined) return UNKNOWN_NETWORK;
  if (address.includes(":")) return leadingGroups(address, 4);
  const [a = 0, b = 0, c = 0, d = 0] = address.split(".").map(Number);
  return [0, 0, a * 256 + b, c * 256 + d];
}

/** The first `count` groups, at most 5, of an IPv6 address. */
function leadingGroups(address: string, count: number): number[] {
  const gap = address.indexOf("::");
  const groups = groupsOf(gap < 0 ? address : address.slice(0, gap));
  if (gap >= 0 && groups.length < count) {
    const after = groupsOf(address.slice(gap + 2));
    const afterGroups = after.length + (after.at(-1)?.includes(".") ? 1 : 0);
    const zeros = 8 - groups.length - afterGroups;
    for (let i = 0; i < zeros; i++) groups.push("0");
    groups.push(...after);
  }
  return groups.slice(0, count).map((group) => Number.parseInt(group, 16));
}

function groupsOf(text: string): string[] {
  return text === "" ? [] : text.split(":");
}

/** Gives an address the form that a source's privacy setting allows. */
export class ClientIpPrivacy {
  #salt = randomBytes(32);
  #saltDay = Number.NaN;

  apply(address: string, form: ClientIpForm, nowMs: number): string | undefined {
    if (form === "none") return undefined;
    if (form === "truncated") return truncateAddress(address);
    return form === "hashed" ? this.#hash(address, nowMs) : address;
  }

  // All addresses can be tried in minutes, so only forgetting the salt makes yesterday's hashes safe.
  #hash(address: string, nowMs: number): string {
    const day = Math.floor(nowMs / DAY_MS);
    if (day !== this.#saltDay) {
      this.#salt = randomBytes(32);
      this.#saltDay = day;
    }
    return createHmac("sha256", this.#salt).update(address).digest("hex").slice(0, 32);
  }
}
