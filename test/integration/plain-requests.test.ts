import { once } from "node:events";
import { connect } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { startTestServer, type TestServer } from "../../src/ingest/ingest-server-fixture.ts";
import { readPlainHead } from "../../src/ingest/plain/plain-head.ts";
import { ATTACKER, HEADERS, SMUGGLING, VICTIM } from "../kit/hostile-requests.ts";

/** Whatever bytes come, who reads them must not matter: our reader of plain requests, or node's server alone. */

/** One that reads plain requests itself, and one that leaves all to node. */
async function startPair() {
  const sources = [ATTACKER, VICTIM].map(({ name, key }) => ({ name, keys: [key] }));
  const plain = await startTestServer({ sources, http: { plainRequests: true } });
  const node = await startTestServer({ sources, http: { plainRequests: false } });
  return {
    plain,
    node,
    async [Symbol.asyncDispose]() {
      await Promise.all([plain, node].map((server) => server[Symbol.asyncDispose]()));
    },
  };
}

type Pair = Awaited<ReturnType<typeof startPair>>;

/** Sends bytes in parts, ends that half of the connection, and collects what comes until the other half ends. */
async function answersOf(server: TestServer, parts: readonly Buffer[]): Promise<string> {
  const socket = connect({ port: server.port, host: "127.0.0.1", noDelay: true, allowHalfOpen: true });
  socket.on("error", () => {});
  await once(socket, "connect");
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  socket.once("end", () => socket.destroy());
  socket.setTimeout(5_000, () => socket.destroy());
  for (const part of parts) {
    if (socket.destroyed || socket.readableEnded) break;
    socket.write(part);
    await nextTurn();
    await nextTurn();
  }
  socket.end();
  if (!socket.closed) await once(socket, "close");
  return Buffer.concat(chunks)
    .toString("latin1")
    .replaceAll(/Date: .*\r\n/g, "");
}

/** Without what the collector makes up, which is new each time. */
function storedSince(server: TestServer, index: number): unknown[] {
  return server.journal
    .events()
    .slice(index)
    .map((event) => {
      const isAssigned = event["idassigned"] === true;
      return { ...event, receivedtime: "", ...(isAssigned && { id: "", time: "" }) };
    });
}

async function expectTheSame({ plain, node }: Pair, parts: readonly Buffer[]): Promise<void> {
  const before = plain.journal.drafts.length;
  expect(node.journal.drafts.length).toBe(before);
  const [ours, theirs] = await Promise.all([answersOf(plain, parts), answersOf(node, parts)]);
  expect(ours).toBe(theirs);
  expect(storedSince(plain, before)).toEqual(storedSince(node, before));
}

function splitAt(bytes: Buffer, places: readonly number[]): Buffer[] {
  const ends = [...new Set(places.map((place) => place % (bytes.length + 1))), bytes.length].toSorted((a, b) => a - b);
  return ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end)).filter((part) => part.length > 0);
}

// Together, since node lingers for seconds over some.
test.concurrent.each([...SMUGGLING, ...HEADERS].map(({ name, bytes }) => [name, bytes] as const))(
  "as node's server: %s",
  async (_, bytes) => {
    await using pair = await startPair();
    await expectTheSame(pair, [bytes]);
    await expectTheSame(pair, splitAt(bytes, [1, 40, 70, bytes.length - 3]));
  },
);

const EVENT = '{"type":"page.viewed","id":"e-1","time":"2026-01-31T12:00:00Z","data":{"n":1}}';
const body = fc.oneof(
  { weight: 6, arbitrary: fc.constant(EVENT) },
  fc.constantFrom(
    `[${EVENT},${EVENT}]`,
    `[${EVENT},5]`,
    "{",
    "5",
    "",
    EVENT.repeat(20),
    '{"type":"é","id":"2","time":"2026-01-31T12:00:00Z"}',
  ),
);
const usual = fc.constantFrom(
  "Content-Type: application/json",
  "User-Agent: Mozilla/5.0 (X11; Linux x86_64)",
  "Accept: */*",
  "Accept-Encoding: gzip, deflate, br",
  "Connection: keep-alive",
  "Connection: Keep-Alive",
  "Origin: https://shop.example",
  "Prefer: return=representation",
  "X-Forwarded-For: 203.0.113.7, 10.0.0.1",
  "Cookie: a=1; b=2",
  "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
);
const unusual = fc.oneof(
  fc.constantFrom(
    "Connection: close",
    "Connection: upgrade",
    "Upgrade: websocket",
    "Upgrade: h2c",
    "Expect: 100-continue",
    "Transfer-Encoding: chunked",
    "Transfer-Encoding: identity",
    "Content-Length: 5",
    "Content-Length: 005",
    "Host: b",
    "Authorization: Bearer nobody",
    "X-Write-Key: nobody",
    "Keep-Alive: timeout=5",
    "Proxy-Connection: close",
    "__proto__: x",
    "constructor: x",
    " folded: x",
    "no colon",
    ": no name",
    "Empty:",
    "Blank: ",
    "Tab:\tx",
    "Trailing: x ",
    "Late\u00e9: x",
    "X: \u00ff",
    "X: \u0000",
    "X: a\rb",
    "X: a\nb",
    "Content-Encoding: gzip",
  ),
  fc.stringMatching(/^[A-Za-z-]{1,12}:[ -~]{0,30}$/),
);
const target = fc.oneof(
  { weight: 6, arbitrary: fc.constant("/v1/events") },
  fc.constantFrom(
    "/v1/events?ack=durable",
    "/v1/events?ack=received",
    "/v1/events?validate=only",
    "/v1/events?ack=never",
    "/v1/events?key=wk_web",
    "/v1/events?_=%31&key=wk%5Fweb",
    "/v1/events?",
    "/v1/events#a",
    "/v1/events/",
    "/v1/eventsx",
    "/v1/events?a b",
    "/v1/events?\u00e9",
    "http://a/v1/events",
    "/livez",
    "*",
  ),
);
const request = fc
  .record({
    method: fc.oneof(
      { weight: 9, arbitrary: fc.constant("POST") },
      fc.constantFrom("GET", "post", "PUT", "OPTIONS", " POST"),
    ),
    target,
    version: fc.oneof(
      { weight: 9, arbitrary: fc.constant("HTTP/1.1") },
      fc.constantFrom("HTTP/1.0", "HTTP/2.0", "HTTP/1.1 ", "http/1.1"),
    ),
    headers: fc.uniqueArray(usual, { maxLength: 5, selector: (line) => line.slice(0, line.indexOf(":")) }),
    extra: fc.array(unusual, { maxLength: 1 }),
    isOdd: fc.integer({ min: 0, max: 3 }),
    body,
    lineEnd: fc.oneof({ weight: 15, arbitrary: fc.constant("\r\n") }, fc.constantFrom("\n", "\r")),
  })
  .map(({ method, target: path, version, headers, extra, isOdd, body: sent, lineEnd }) => {
    const lines = ["Host: collector", "X-Write-Key: wk_web", ...headers];
    if (sent !== "") lines.push(`Content-Length: ${Buffer.byteLength(sent)}`);
    // Most are plain, so that what follows is often read by the plain reader.
    if (isOdd === 0) lines.splice(1, 0, ...extra);
    return Buffer.from([`${method} ${path} ${version}`, ...lines, "", ""].join(lineEnd) + sent, "utf8");
  });

test("as node's server: whatever mixture of requests, in whatever parts", async () => {
  await using pair = await startPair();
  let plainHeads = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(request, { minLength: 1, maxLength: 4 }),
      fc.array(fc.nat(4_000), { maxLength: 4 }),
      async (requests, places) => {
        for (const bytes of requests) if (readPlainHead(bytes, 16_384) !== undefined) plainHeads++;
        await expectTheSame(pair, splitAt(Buffer.concat(requests), places));
      },
    ),
    { numRuns: 300 },
  );
  // The test is of no use when next to nothing is read by the plain reader.
  expect(plainHeads).toBeGreaterThan(100);
}, 60_000);

test("as node's server: requests of which any byte is another", async () => {
  await using pair = await startPair();
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(1_000), fc.constantFrom(0, 9, 10, 11, 13, 32, 34, 47, 58, 59, 63, 127, 128, 255)), {
        minLength: 1,
        maxLength: 2,
      }),
      fc.boolean(),
      async (changes, isInserted) => {
        const first = `POST /v1/events?ack=accepted HTTP/1.1\r\nHost: a\r\nX-Write-Key: wk_web\r\nContent-Length: ${EVENT.length}\r\nAccept: */*\r\n\r\n`;
        let bytes: Buffer = Buffer.from(first);
        for (const [place, byte] of changes) {
          const at = place % bytes.length;
          const rest = bytes.subarray(isInserted ? at : at + 1);
          bytes = Buffer.concat([bytes.subarray(0, at), Buffer.from([byte]), rest]);
        }
        await expectTheSame(pair, [Buffer.concat([bytes, Buffer.from(EVENT + first + EVENT)])]);
      },
    ),
    { numRuns: 300 },
  );
}, 60_000);
