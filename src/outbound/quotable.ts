const MAX_QUOTED_CHARS = 200;

/** Foreign text made fit for one line of a log: short, and without control characters. */
export function quotable(text: string): string {
  const line = text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, " ").trim();
  return line.length > MAX_QUOTED_CHARS ? `${line.slice(0, MAX_QUOTED_CHARS - 1)}…` : line;
}

/** What a library says went wrong, with its code, in one line. */
export function errorInWords(error: unknown): string {
  if (!(error instanceof Error)) return quotable(String(error));
  const code = "code" in error && typeof error.code === "string" ? error.code : error.name;
  return error.message === "" ? code : quotable(`${error.message} (${code})`);
}
