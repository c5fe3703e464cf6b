/** An escape in a JSON string: a pair of surrogates, one of them alone, or any other. */
const ESCAPE = /\\(?:u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2}|u[dD][89a-fA-F][\da-fA-F]{2}|.)/gs;
const SURROGATE = /^\\u[dD][89a-fA-F]/;
const LONE_LENGTH = 6;

/**
 * The JSON with U+FFFD for each half of a surrogate pair that stands alone in an escape. `JSON.parse` takes those;
 * engines that follow RFC 8259's advice do not, and then refuse the whole file. The same text if there are none.
 */
export function strictJson(json: string): string {
  return json.replaceAll(ESCAPE, (escape) =>
    escape.length === LONE_LENGTH && SURROGATE.test(escape) ? "\\ufffd" : escape,
  );
}
