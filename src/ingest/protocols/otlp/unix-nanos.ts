const MAX_NANOS = 2n ** 64n - 1n;
const NANOS_A_MS = 1_000_000n;

/**
 * The time that OTLP's JSON writes as nanoseconds since 1970, in quotes or not, as RFC 3339: with
 * milliseconds as clocks print it, and with micro- or nanoseconds where it has them. `undefined` when there
 * is none, which zero says too. The latest is in 2554.
 */
export function rfc3339OfNanos(json: string | undefined): string | undefined {
  const digits = /^"?(\d{1,20})"?$/.exec(json ?? "")?.[1];
  const nanos = digits === undefined ? 0n : BigInt(digits);
  if (nanos === 0n || nanos > MAX_NANOS) return undefined;
  const iso = new Date(Number(nanos / NANOS_A_MS)).toISOString();
  const belowMs = String(nanos % NANOS_A_MS).padStart(6, "0");
  if (belowMs === "000000") return iso;
  return `${iso.slice(0, -1)}${belowMs.endsWith("000") ? belowMs.slice(0, 3) : belowMs}Z`;
}
