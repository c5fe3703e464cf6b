/** The source that attackers have a key of. */
export const ATTACKER = { name: "attacker", key: "wk_attacker" } as const;

/** The source that smuggled requests are for: none of its events may ever be stored. */
export const VICTIM = { name: "victim", key: "wk_victim" } as const;

/** Bytes that break HTTP, or bend it, as they go over a connection. */
export interface HostileRequest {
  readonly name: string;
  readonly bytes: Buffer;
  /** Statuses of the answers on the connection, in order. */
  readonly answers: readonly number[];
}

const EVENT = '{"type":"attack.sent"}';
const CHUNKED = `${EVENT.length.toString(16)}\r\n${EVENT}\r\n0\r\n\r\n`;
const LENGTH = `Content-Length: ${EVENT.length}`;
const CODING = "Transfer-Encoding: chunked";

/** What an attacker hides behind a request, for it to be taken for another one's. */
const SMUGGLED = `POST /v1/events?key=${VICTIM.key} HTTP/1.1\r\nHost: a\r\n${LENGTH}\r\n\r\n${EVENT}`;

const START = `POST /v1/events?key=${ATTACKER.key} HTTP/1.1`;

function head(...headers: readonly string[]): string {
  return `${[START, "Host: a", ...headers].join("\r\n")}\r\n\r\n`;
}

function requests(answers: readonly number[], shapes: Readonly<Record<string, string>>): readonly HostileRequest[] {
  return Object.entries(shapes).map(([name, text]) => ({ name, bytes: Buffer.from(text, "latin1"), answers }));
}

/** Ways to have two parsers disagree about where a request ends, each with another request behind it. */
export const SMUGGLING: readonly HostileRequest[] = [
  ...requests([400], {
    "CL.TE: a length, then chunks": `${head("Content-Length: 5", CODING)}0\r\n\r\n${SMUGGLED}`,
    "TE.CL: chunks, then a length": `${head(CODING, "Content-Length: 4")}${CHUNKED}${SMUGGLED}`,
    "an unknown coding": `${head("Transfer-Encoding: xchunked")}${CHUNKED}${SMUGGLED}`,
    "an unknown coding and a length": `${head("Transfer-Encoding: xchunked", LENGTH)}${EVENT}${SMUGGLED}`,
    "chunked, then identity": `${head("Transfer-Encoding: chunked, identity")}${CHUNKED}${SMUGGLED}`,
    "identity, then chunked": `${head("Transfer-Encoding: identity, chunked")}${CHUNKED}${SMUGGLED}`,
    "identity and a length": `${head("Transfer-Encoding: identity", LENGTH)}${EVENT}${SMUGGLED}`,
    "two codings": `${head(CODING, CODING)}${CHUNKED}${SMUGGLED}`,
    "two codings, the first unknown": `${head("Transfer-Encoding: identity", CODING)}${CHUNKED}${SMUGGLED}`,
    "two codings, the second unknown": `${head(CODING, "Transfer-Encoding: x")}${CHUNKED}${SMUGGLED}`,
    "a coding in HTTP/1.0": `${head(CODING, "Connection: keep-alive").replace("HTTP/1.1", "HTTP/1.0")}${CHUNKED}${SMUGGLED}`,
    "a space before the colon of the coding": `${head("Transfer-Encoding : chunked")}${CHUNKED}${SMUGGLED}`,
    "a folded coding": `${head("Transfer-Encoding:\r\n chunked")}${CHUNKED}${SMUGGLED}`,
    "a vertical tab before the coding": `${head("Transfer-Encoding: \u000bchunked")}${CHUNKED}${SMUGGLED}`,
    "a quoted coding": `${head('Transfer-Encoding: "chunked"')}${CHUNKED}${SMUGGLED}`,
    "an empty coding and a length": `${head("Transfer-Encoding:", LENGTH)}${EVENT}${SMUGGLED}`,
    "a coding with a parameter": `${head("Transfer-Encoding: chunked;q=1")}${CHUNKED}${SMUGGLED}`,
    "a coding and a comma": `${head("Transfer-Encoding: chunked,")}${CHUNKED}${SMUGGLED}`,
    "a length with a sign": `${head(`Content-Length: +${EVENT.length}`)}${EVENT}${SMUGGLED}`,
    "a list of lengths": `${head(`${LENGTH}, ${EVENT.length}`)}${EVENT}${SMUGGLED}`,
    "two lengths that agree": `${head(LENGTH, LENGTH)}${EVENT}${SMUGGLED}`,
    "two lengths that differ": `${head(LENGTH, "Content-Length: 0")}${EVENT}${SMUGGLED}`,
    "a length in hexadecimal": `${head("Content-Length: 0x16")}${EVENT}${SMUGGLED}`,
    "an empty length": `${head("Content-Length:")}${EVENT}${SMUGGLED}`,
    "a length with a space in it": `${head("Content-Length: 2 2")}${EVENT}${SMUGGLED}`,
    "a length past 64 bits": `${head(`Content-Length: ${2n ** 64n + 22n}`)}${EVENT}${SMUGGLED}`,
    "a length with letters": `${head(`${LENGTH}abc`)}${EVENT}${SMUGGLED}`,
    "a length with a NUL": `${head(`${LENGTH}\0`)}${EVENT}${SMUGGLED}`,
    "a space before the colon of the length": `${head(`Content-Length : ${EVENT.length}`)}${EVENT}${SMUGGLED}`,
    "a folded length": `${head(`Content-Length:\r\n ${EVENT.length}`)}${EVENT}${SMUGGLED}`,
    "lines that end in a bare LF": `${head(LENGTH).replaceAll("\r\n", "\n")}${EVENT}${SMUGGLED}`,
    "a header that ends in a bare LF": `${head(LENGTH).replace(/\r\n$/, "\n")}${EVENT}${SMUGGLED}`,
    "a bare CR in a header": `${head("X: a\rContent-Length: 0", LENGTH)}${EVENT}${SMUGGLED}`,
    "a NUL in a header": `${head("X: a\0b", LENGTH)}${EVENT}${SMUGGLED}`,
    "a NUL in the name of a header": `${head("X\0: a", LENGTH)}${EVENT}${SMUGGLED}`,
    "a header without a colon": `${head("X", LENGTH)}${EVENT}${SMUGGLED}`,
    "a header without a name": `${head(": a", LENGTH)}${EVENT}${SMUGGLED}`,
    "a folded first header": `${head(LENGTH).replace("Host", " X: y\r\nHost")}${EVENT}${SMUGGLED}`,
    "a folded header": `${head("X: a\r\n b", LENGTH)}${EVENT}${SMUGGLED}`,
    "a chunk extension that ends in a bare LF": `${head(CODING)}${CHUNKED.replace("\r\n", ";a\n")}${SMUGGLED}`,
    "a chunk extension of 100 KB": `${head(CODING)}${CHUNKED.replace("\r\n", `;${"a".repeat(100_000)}\r\n`)}${SMUGGLED}`,
    "a chunk size that ends in a bare LF": `${head(CODING)}${CHUNKED.replace("\r\n", "\n")}${SMUGGLED}`,
    "a chunk size that ends in a space": `${head(CODING)}${CHUNKED.replace("\r\n", " \r\n")}${SMUGGLED}`,
    "a chunk size with 0x": `${head(CODING)}0x${CHUNKED}${SMUGGLED}`,
    "a negative chunk size": `${head(CODING)}-${CHUNKED}${SMUGGLED}`,
    "a chunk size past 64 bits": `${head(CODING)}10000000000000016\r\n${EVENT}\r\n0\r\n\r\n${SMUGGLED}`,
    "a chunk of 2⁶⁴ - 1 bytes": `${head(CODING)}ffffffffffffffff\r\n${EVENT}\r\n0\r\n\r\n${SMUGGLED}`,
    "a chunk longer than its size": `${head(CODING)}2\r\n${EVENT}\r\n0\r\n\r\n${SMUGGLED}`,
    "a chunk without its end": `${head(CODING)}${CHUNKED.replace("}\r\n", "}")}${SMUGGLED}`,
    "a chunk that ends in a bare LF": `${head(CODING)}${CHUNKED.replace("}\r\n", "}\n")}${SMUGGLED}`,
    "chunks that end in a bare LF": `${head(CODING)}${CHUNKED.replace(/\r\n$/, "\n")}${SMUGGLED}`,
    "a length among the trailers": `${head(CODING)}${CHUNKED.replace(/\r\n$/, "Content-Length: 9\r\n\r\n")}${SMUGGLED}`,
    "a second coding among the trailers": `${head(CODING)}${CHUNKED.replace(/\r\n$/, `${CODING}\r\n\r\n`)}${SMUGGLED}`,
  }),
  ...requests([431], {
    "100 KB of trailers": `${head(CODING)}${CHUNKED.replace(/\r\n$/, `X: ${"a".repeat(100_000)}\r\n\r\n`)}${SMUGGLED}`,
  }),
  // What is behind these is inside a body that both sides agree on.
  ...requests([413], {
    "a length of 2⁶³ - 1": `${head("Content-Length: 9223372036854775807")}${EVENT}${SMUGGLED}`,
  }),
  ...requests([405], {
    "a body of a GET": `${head(`Content-Length: ${SMUGGLED.length}`).replace("POST", "GET")}${SMUGGLED}`,
    "a method in a header": `${head("X-HTTP-Method-Override: POST", LENGTH).replace("POST /", "GET /")}${EVENT}`,
  }),
  // Good, if odd: read as RFC 9112 has it, and once.
  ...requests([201], {
    "chunks with extensions": `${head(CODING)}${CHUNKED.replace("\r\n", ';a=b;c="d"\r\n')}`,
    "a coding in capitals": `${head("Transfer-Encoding: CHUNKED")}${CHUNKED}`,
    "a tab before the coding": `${head("Transfer-Encoding:\tchunked")}${CHUNKED}`,
    "a name with an underscore": `${head("Transfer_Encoding: chunked", LENGTH)}${EVENT}`,
    "a length with zeros": `${head(`Content-Length: 000${EVENT.length}`)}${EVENT}`,
    "a key among the trailers": `${head(CODING)}${CHUNKED.replace(/\r\n$/, `X-Write-Key: ${VICTIM.key}\r\n\r\n`)}`,
    "a length that is hop by hop": `${head("Connection: Content-Length", LENGTH)}${EVENT}`,
    "the whole URL of another host": `${head(LENGTH).replace("/v1", "http://other.example/v1")}${EVENT}`,
    "empty lines before it": `\r\n\r\n${head(LENGTH)}${EVENT}`,
  }),
  ...requests([201, 400], {
    "garbage behind it": `${head(LENGTH)}${EVENT}\0\u0001garbage\r\n\r\n${SMUGGLED}`,
    "an unknown version behind it": `${head(LENGTH)}${EVENT}${SMUGGLED.replace("1.1", "9.9")}`,
  }),
];

/** Headers that are too many, too large, or there twice. */
export const HEADERS: readonly HostileRequest[] = [
  ...requests([431], {
    "a header of 17 KiB": `${head(`X: ${"a".repeat(17 * 1024)}`, LENGTH)}${EVENT}`,
    "a header of 64 KiB": `${head(`X: ${"a".repeat(64 * 1024)}`, LENGTH)}${EVENT}`,
    "a URL of 17 KiB": `GET /livez?${"a".repeat(17 * 1024)} HTTP/1.1\r\nHost: a\r\n\r\n`,
    "1,000 headers of 20 bytes": `${head(...Array.from({ length: 1_000 }, (_, n) => `x-header-${n}: 1234567`), LENGTH)}${EVENT}`,
    "5,000 headers without a value": `${head(...Array.from({ length: 5_000 }, () => "a:"), LENGTH)}${EVENT}`,
  }),
  ...requests([400], {
    "two Host headers": `${head("Host: b", LENGTH)}${EVENT}`,
    "two Content-Length headers": `${head(LENGTH, LENGTH)}${EVENT}`,
    "two Transfer-Encoding headers": `${head(CODING, CODING)}${CHUNKED}`,
    "two Authorization headers": `${head(...[ATTACKER, VICTIM].map(({ key }) => `Authorization: Bearer ${key}`), LENGTH)}${EVENT}`,
    "the name of a header in UTF-8": `${head("X\u00c3\u00a9: a", LENGTH)}${EVENT}`,
    "a method in small letters": head(LENGTH).replace("POST", "post") + EVENT,
    "HTTP/9.9": head(LENGTH).replace("1.1", "9.9") + EVENT,
    "no version": `GET /livez\r\n\r\n`,
  }),
  ...requests([201], {
    "500 headers": `${head(...Array.from({ length: 500 }, (_, n) => `x${n}: 1`), LENGTH)}${EVENT}`,
    "headers named as members of every object": `${head("__proto__: a", "constructor: b", "toString: c", LENGTH)}${EVENT}`,
    "two equal Content-Type headers": `${head("Content-Type: application/json", "Content-Type: application/json", LENGTH)}${EVENT}`,
    "100 X-Forwarded-For headers": `${head(...Array.from({ length: 100 }, (_, n) => `X-Forwarded-For: 10.0.0.${n}`), LENGTH)}${EVENT}`,
    "an offer to upgrade": `${head("Connection: Upgrade", "Upgrade: websocket", LENGTH)}${EVENT}`,
  }),
];
