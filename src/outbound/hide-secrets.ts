/** Shorter ones could stand in a text by chance. */
const LEAST_SECRET_CHARS = 4;

/** Takes out of a text what must not be shown. */
export type Hide = (text: string) => string;

/**
 * A receiver may quote what it was sent, and what it says is logged. To be used before the text is
 * shortened: the first part of a secret is told by nothing.
 */
export function hiderOf(secrets: readonly string[]): Hide {
  // Longest first: one that begins with another would leave its end.
  const hidden = secrets.filter(({ length }) => length >= LEAST_SECRET_CHARS).toSorted((a, b) => b.length - a.length);
  return (text) => hidden.reduce((rest, secret) => rest.replaceAll(secret, "***"), text);
}
