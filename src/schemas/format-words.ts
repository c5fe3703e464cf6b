/** What each `format` asks for, with an example that satisfies it. */
const FORMATS: ReadonlyMap<string, readonly [words: string, example: string]> = new Map([
  ["date-time", ["a date and time with a time zone", "2026-11-23T12:00:00Z"]],
  ["iso-date-time", ["a date and time", "2026-11-23T12:00:00"]],
  ["date", ["a date", "2026-11-23"]],
  ["time", ["a time of day with a time zone", "12:00:00Z"]],
  ["iso-time", ["a time of day", "12:00:00"]],
  ["duration", ["an ISO 8601 duration", "PT1H30M"]],
  ["email", ["an email address", "ada@shop.example"]],
  ["hostname", ["a host name", "shop.example"]],
  ["ipv4", ["an IPv4 address", "192.0.2.10"]],
  ["ipv6", ["an IPv6 address", "2001:db8::1"]],
  ["uri", ["an absolute URL", "https://shop.example/cart"]],
  ["uri-reference", ["a URL or a path", "/cart?step=2"]],
  ["uri-template", ["a URI template", "/orders/{id}"]],
  ["url", ["a public web address", "https://shop.example/cart"]],
  ["uuid", ["a UUID", "018f3c2e-8a4b-7c1d-9e2f-0123456789ab"]],
  ["json-pointer", ["a JSON Pointer", "/items/0"]],
  ["json-pointer-uri-fragment", ["a JSON Pointer as a URI fragment", "#/items/0"]],
  ["relative-json-pointer", ["a relative JSON Pointer", "1/items"]],
  ["regex", ["a regular expression", "^[a-z]+$"]],
  ["byte", ["text in base64", "aGVsbG8="]],
]);

const NUMBER_FORMATS: ReadonlyMap<string, string> = new Map([
  ["int32", "a whole number of 32 bits (-2147483648 to 2147483647)"],
  ["int64", "a whole number"],
]);

/** `a date (such as 2026-11-23)`; for an unknown format its name. */
export function formatWords(format: string): string {
  const known = FORMATS.get(format);
  if (known !== undefined) return `${known[0]}, such as ${known[1]}`;
  return NUMBER_FORMATS.get(format) ?? `in the format ${format}`;
}

export function formatExample(format: unknown): string | undefined {
  return typeof format === "string" ? FORMATS.get(format)?.[1] : undefined;
}
