import { readdir } from "node:fs/promises";
import path from "node:path";
import { ATTACKER, type HostileRequest } from "./hostile-requests.ts";

/** In what is to become a line of a log or the name of a file, so that it is found there. */
const MARK = "Zmark";

/** A line that claims to be the collector's own, and escapes that rewrite a terminal: C0, C1, and text from right to left. */
const FORGED_LINES = [
  `${MARK}\r\n{"level":"error","msg":"forged"}`,
  `${MARK}\n{"level":"error","msg":"forged"}`,
  `${MARK}\u001b[2J\u001b[31mforged`,
  `${MARK}\u009b31mforged`,
  `${MARK}\u0000\u0007\u0008forged`,
  `${MARK}\u2028\u2029\u202eforged`,
];

const PATHS_OUT = [
  `../../../../${MARK}`,
  `..\\..\\..\\${MARK}`,
  `/tmp/${MARK}`,
  `....//....//${MARK}`,
  `%2e%2e%2f${MARK}`,
  `${MARK}\u0000.json`,
  `file:///etc/${MARK}`,
  `con/${MARK}`,
  MARK.repeat(60),
];

const NAMES = [...FORGED_LINES, ...PATHS_OUT];

function request(method: string, target: string, headers: readonly string[], body = ""): Buffer {
  const length = `Content-Length: ${Buffer.byteLength(body)}`;
  return Buffer.from(`${[`${method} ${target} HTTP/1.1`, "Host: a", length, ...headers].join("\r\n")}\r\n\r\n${body}`);
}

const EVENTS = `/v1/events?key=${ATTACKER.key}`;

/** Requests with hostile names wherever a name can be, without saying how each is to be answered. */
export const NAME_REQUESTS: readonly Omit<HostileRequest, "answers">[] = NAMES.flatMap((name) => {
  const text = JSON.stringify(name);
  const encoded = encodeURIComponent(name);
  const event = (members: string): Buffer => request("POST", EVENTS, [], `{"type":"attack.named",${members}}`);
  return [
    { name: "the type", bytes: request("POST", EVENTS, [], `{"type":${text}}`) },
    { name: "the id", bytes: event(`"id":${text}`) },
    { name: "the subject", bytes: event(`"subject":${text}`) },
    { name: "the source", bytes: event(`"source":${text}`) },
    { name: "the schema", bytes: event(`"dataschema":${text}`) },
    { name: "the time", bytes: event(`"time":${text}`) },
    { name: "the name of an attribute", bytes: event(`${text}:1`) },
    { name: "the name of a member", bytes: event(`"data":{${text}:${text}}`) },
    { name: "an event that is none", bytes: request("POST", EVENTS, [], text) },
    { name: "a body that is not JSON", bytes: request("POST", EVENTS, [], name) },
    { name: "the key", bytes: request("POST", `/v1/events?key=${encoded}`, [], "{}") },
    { name: "a parameter", bytes: request("POST", `${EVENTS}&ack=${encoded}`, [], "{}") },
    { name: "a receipt", bytes: request("GET", `/v1/receipts/${encoded}?key=${ATTACKER.key}`, []) },
    { name: "a schema", bytes: request("GET", `/v1/schemas/${encoded}`, []) },
    { name: "a schema's version", bytes: request("GET", `/v1/schemas/attack.sent/${encoded}`, []) },
    { name: "the path", bytes: request("GET", `/${encoded}`, []) },
    { name: "the path, as it is", bytes: request("GET", `/v1/schemas/${name}`, []) },
    { name: "the method", bytes: request(name, "/v1/events", []) },
    { name: "the Host", bytes: request("POST", EVENTS, [`Host: ${name}`], "{}") },
    { name: "the user agent", bytes: request("POST", EVENTS, [`User-Agent: ${name}`], '{"type":"attack.named"}') },
    { name: "the origin", bytes: request("POST", EVENTS, [`Origin: ${name}`], '{"type":"attack.named"}') },
    { name: "the content type", bytes: request("POST", EVENTS, [`Content-Type: ${name}`], "{}") },
    { name: "the encoding", bytes: request("POST", EVENTS, [`Content-Encoding: ${name}`], "{}") },
    { name: "the address", bytes: request("POST", EVENTS, [`X-Forwarded-For: ${name}`], '{"type":"attack.named"}') },
    { name: "the authorization", bytes: request("POST", "/v1/events", [`Authorization: Bearer ${name}`], "{}") },
  ];
});

/** What is wrong with the log: lines that are no JSON objects, or characters that are none. */
export function logFaults(log: string): string[] {
  const faults: string[] = [];
  for (const line of log.split("\n")) {
    if (line === "") continue;
    // eslint-disable-next-line no-control-regex
    if (/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e]/.test(line)) faults.push(`raw: ${JSON.stringify(line)}`);
    if (!isLogLine(line)) faults.push(`no line of the log: ${line}`);
    if (line.startsWith('{"level":"error","msg":"forged"}')) faults.push(`forged: ${line}`);
  }
  return faults;
}

function isLogLine(line: string): boolean {
  try {
    const parsed: unknown = JSON.parse(line);
    return typeof parsed === "object" && parsed !== null && "level" in parsed && "time" in parsed;
  } catch {
    return false;
  }
}

/** Files below `dir` that are not below one of `known`, or that bear a hostile name. */
export async function strayFiles(dir: string, known: readonly string[]): Promise<string[]> {
  const stray: string[] = [];
  for (const entry of await readdir(dir, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const name = path.relative(dir, path.join(entry.parentPath, entry.name));
    const isKnown = known.some((each) => name === each || name.startsWith(`${each}/`));
    if (!isKnown || name.includes(MARK)) stray.push(name);
  }
  return stray;
}
