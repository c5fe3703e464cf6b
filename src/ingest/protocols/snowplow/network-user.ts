import { randomUUID } from "node:crypto";
import type { Visitor } from "../../exchange.ts";
import type { NetworkUserIdOptions } from "./snowplow-options.ts";

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

const DAY_SECONDS = 86_400;

/**
 * Whom the cookie names, or somebody new. What is no UUID counts for nothing, so nothing else that comes in a
 * cookie goes any further.
 *
 * @param cookies the header `Cookie`
 */
export function networkUser(
  { cookie, maxAgeDays, domain }: NetworkUserIdOptions,
  cookies: string | undefined,
): Visitor {
  const id = uuidIn(cookies ?? "", cookie) ?? randomUUID();
  const scope = domain === undefined ? "" : `; Domain=${domain}`;
  // Pages of other sites send it with SameSite=None only, which browsers take with Secure only.
  const rules = `Path=/${scope}; Max-Age=${maxAgeDays * DAY_SECONDS}; Secure; HttpOnly; SameSite=None`;
  return { id, setCookie: `${cookie}=${id}; ${rules}` };
}

/** The first of that name that is one: browsers send one for each domain and path that it was set for. */
function uuidIn(cookies: string, name: string): string | undefined {
  for (const pair of cookies.split(";")) {
    const equals = pair.indexOf("=");
    if (equals < 0 || pair.slice(0, equals).trim() !== name) continue;
    const value = pair.slice(equals + 1).trim();
    if (UUID.test(value)) return value.toLowerCase();
  }
  return undefined;
}
