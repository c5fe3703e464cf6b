/** Headers of ours that are no secrets; whatever else is sent may be one, since a configuration can add any. */
const PUBLIC_HEADERS: ReadonlySet<string> = new Set([
  "accept",
  "content-encoding",
  "content-length",
  "content-type",
  "prefer",
  "user-agent",
  "webhook-id",
  "webhook-timestamp",
  "x-amz-content-sha256",
  "x-amz-date",
  "x-amz-target",
  "x-clickhouse-user",
]);

/** What is shorter may stand in any text by chance, and would make it unreadable. */
const LEAST_CHARS = 6;

/**
 * The body of a reply, without what the request's headers had of credentials: AWS, and gateways before other
 * services, quote an Authorization that they do not understand, and what a service says is logged and shown.
 */
export function withoutCredentials(body: Buffer, headers: Readonly<Record<string, string>>): Buffer {
  const secrets = secretsIn(headers).filter((secret) => body.includes(secret));
  if (secrets.length === 0) return body;
  let text = body.toString();
  for (const secret of secrets) text = text.replaceAll(secret, "***");
  return Buffer.from(text);
}

/** Longest first, so that of one that holds another nothing is left. */
function secretsIn(headers: Readonly<Record<string, string>>): readonly string[] {
  const secrets = new Set<string>();
  for (const [name, value] of Object.entries(headers)) {
    if (PUBLIC_HEADERS.has(name.toLowerCase())) continue;
    // `Bearer TOKEN`: the token may be quoted alone. Of `Basic` the password, too.
    const token = value.slice(value.indexOf(" ") + 1);
    const password = value.startsWith("Basic ")
      ? Buffer.from(token, "base64")
          .toString()
          .replace(/^[^:]*:/, "")
      : "";
    for (const secret of [value, token, password]) {
      if (secret.length < LEAST_CHARS) continue;
      secrets.add(secret);
      secrets.add(JSON.stringify(secret).slice(1, -1));
    }
  }
  return [...secrets].toSorted((a, b) => b.length - a.length);
}
