import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { connect as connectPlain } from "node:net";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { connect, type TLSSocket } from "node:tls";
import { promisify } from "node:util";
import {
  FLAG,
  FRAME,
  frame,
  GET,
  hpack,
  POST,
  RawHttp2Client,
  uint32,
} from "../../src/ingest/http2/raw-http2-client-fixture.ts";
import { ATTACKER } from "../../test/kit/hostile-requests.ts";
import { type Attack, type AttackReport, Counts, shown, type Target } from "./attack.ts";

const SILENT_CONNECTIONS = 4_000;

/** Longer than twice http.requestTimeoutMs and http.ackTimeoutMs of the collector here: then it ends them. */
const UNTAKEN_SECONDS = 40;

/** Attacks on TLS and HTTP/2, on a collector that has both. */
export const TLS_ATTACKS: readonly Attack[] = [
  { name: "TLS: 4,000 connections without a handshake", tls: true, run: noHandshake },
  { name: "TLS: handshakes as fast as possible", tls: true, saturates: true, run: handshakes },
  { name: "HTTP/2: requests reset at once", tls: true, saturates: true, run: (target) => flood(target, resets) },
  { name: "HTTP/2: CONTINUATION without end", tls: true, run: (target) => flood(target, continuations) },
  { name: "HTTP/2: SETTINGS and PING, no answer read", tls: true, run: (target) => flood(target, controls, false) },
  { name: "HTTP/2: empty DATA", tls: true, run: (target) => flood(target, emptyData) },
  { name: "HTTP/2: answers that are not taken", tls: true, saturates: true, run: notTaken },
  {
    name: "HTTP/2: requests as fast as possible",
    tls: true,
    saturates: true,
    program: "h2load",
    run: (target) => h2load(target, []),
  },
  {
    name: "HTTP/1 in TLS: requests as fast as possible",
    tls: true,
    saturates: true,
    program: "h2load",
    run: (target) => h2load(target, ["--h1"]),
  },
];

async function noHandshake({ port, seconds }: Target): Promise<AttackReport> {
  const sockets = Array.from({ length: SILENT_CONNECTIONS }, (_, index) =>
    connectPlain({ port, host: "127.0.0.1", localAddress: `127.0.${1 + (index % 8)}.3` }),
  );
  // Some say something that is no handshake.
  for (const [index, socket] of sockets.entries()) {
    socket.on("error", () => {}).resume();
    if (index % 4 === 0)
      socket.write(index % 8 === 0 ? "GET / HTTP/1.1\r\nHost: a\r\n\r\n" : Buffer.from("160301", "hex"));
  }
  const endMs = performance.now() + seconds * 1000;
  const open = (): number => sockets.filter((socket) => !socket.destroyed && !socket.readableEnded).length;
  while (open() > 0 && performance.now() < endMs) await delay(100);
  const left = open();
  for (const socket of sockets) socket.destroy();
  return {
    sent: `${shown(SILENT_CONNECTIONS)} connections`,
    answered: `${shown(SILENT_CONNECTIONS - left)} closed`,
    faults: left > 0 ? [`${left} connections were still open`] : [],
  };
}

async function handshakes({ port, seconds }: Target): Promise<AttackReport> {
  const counts = new Counts();
  const endMs = performance.now() + seconds * 1000;
  const lane = async (index: number): Promise<void> => {
    while (performance.now() < endMs) {
      const plain = connectPlain({ port, host: "127.0.0.1", localAddress: `127.0.${1 + index}.4` });
      const socket = connect({ socket: plain, rejectUnauthorized: false });
      plain.on("error", () => socket.destroy());
      counts.add((await secured(socket)) ? "handshakes" : "failed");
      socket.destroy();
    }
  };
  await Promise.all(Array.from({ length: 16 }, (_, index) => lane(index)));
  return { sent: counts.text, answered: "nothing was asked", faults: [] };
}

function secured(socket: TLSSocket): Promise<boolean> {
  return new Promise((resolve) => {
    socket.on("error", () => resolve(false));
    socket.once("secureConnect", () => resolve(true));
    socket.once("close", () => resolve(false));
  });
}

const REQUEST = [...POST.filter(([name]) => name !== "x-write-key"), ["x-write-key", ATTACKER.key]] as const;
const CANCEL = 8;

/** Streams that clients open are odd. */
const idOf = (index: number): number => 1 + 2 * index;

const resets = (index: number): Buffer[] => [
  frame(FRAME.headers, FLAG.endHeaders, idOf(index), hpack(REQUEST)),
  frame(FRAME.rstStream, 0, idOf(index), uint32(CANCEL)),
];
const continuations = (index: number): Buffer[] =>
  index === 0 ? [frame(FRAME.headers, 0, 1, hpack(GET))] : [frame(FRAME.continuation, 0, 1, hpack([["x", "y"]]))];
const controls = (index: number): Buffer[] => [
  index % 2 === 0 ? frame(FRAME.settings, 0, 0) : frame(FRAME.ping, 0, 0, Buffer.alloc(8)),
];
const emptyData = (index: number): Buffer[] =>
  index === 0 ? [frame(FRAME.headers, FLAG.endHeaders, 1, hpack(REQUEST))] : [frame(FRAME.data, 0, 1)];

/** Connection after connection, each with frames until the collector has had enough of it. */
async function flood(target: Target, framesOf: (index: number) => Buffer[], reads = true): Promise<AttackReport> {
  const counts = new Counts();
  const endMs = performance.now() + target.seconds * 1000;
  let frames = 0;
  let longest = 0;
  const lane = async (): Promise<void> => {
    while (performance.now() < endMs) {
      using client = await RawHttp2Client.connect(target.port);
      if (!reads) client.socket.pause();
      const closed = client.closed();
      let sent = 0;
      for (; client.socket.writable && performance.now() < endMs + 5_000; sent += 200) {
        const some = Buffer.concat(Array.from({ length: 200 }, (_, n) => framesOf(sent + n)).flat());
        await Promise.race([new Promise((resolve) => client.socket.write(some, resolve)), closed]);
      }
      frames += sent;
      longest = Math.max(longest, sent);
      counts.add(client.socket.writable ? "went on" : "ended by the collector");
    }
  };
  await Promise.all(Array.from({ length: 8 }, lane));
  const faults = counts.of("went on") > 0 ? [`${counts.of("went on")} connections were not ended`] : [];
  return { sent: `${shown(frames)} steps`, answered: `${counts.text}, after at most ${shown(longest)} steps`, faults };
}

/** A hundred requests on each connection, whose large answers may not be sent. */
async function notTaken({ port, seconds }: Target): Promise<AttackReport> {
  const noWindow = Buffer.concat([Buffer.from([0, 4]), uint32(0)]);
  const document = GET.map(([name, value]) => [name, name === ":path" ? "/openapi.json" : value] as const);
  const clients = await Promise.all(Array.from({ length: 200 }, () => RawHttp2Client.connect(port)));
  for (const client of clients) {
    client.send(frame(FRAME.settings, 0, 0, noWindow));
    for (let index = 0; index < 100; index++) client.request(idOf(index), document);
  }
  const endMs = performance.now() + Math.max(seconds, UNTAKEN_SECONDS) * 1000;
  const open = (): number => clients.filter(({ socket }) => !socket.closed).length;
  while (open() > 0 && performance.now() < endMs) await delay(100);
  const left = open();
  for (const client of clients) client[Symbol.dispose]();
  return {
    sent: "20,000 requests on 200 connections",
    answered: `${200 - left} connections ended by the collector`,
    faults: left > 0 ? [`${left} connections were still open`] : [],
  };
}

async function h2load({ port, seconds, collector }: Target, more: readonly string[]): Promise<AttackReport> {
  const body = path.join(collector.dir, "data", "h2load-body.json");
  await writeFile(body, '{"type":"attack.sent"}');
  const args = ["-D", String(seconds), "-c", "32", "-m", "10", "-d", body, "-H", `x-write-key: ${ATTACKER.key}`];
  const url = `https://127.0.0.1:${port}/v1/events`;
  const { stdout } = await promisify(execFile)("h2load", [
    ...args,
    ...more,
    "-H",
    "content-type: application/json",
    url,
  ]);
  const statuses = /status codes: (.*)/.exec(stdout)?.[1] ?? "none";
  const failed = /(\d+) failed, (\d+) errored, (\d+) timeout/.exec(stdout);
  const isFaultless =
    failed?.slice(1).every((count) => count === "0") === true && / 0 3xx, 0 4xx, 0 5xx/.test(statuses);
  return {
    sent: /finished in (.*)/.exec(stdout)?.[0] ?? "",
    answered: statuses,
    faults: isFaultless ? [] : [`not all were answered 2xx: ${failed?.[0]}; ${statuses}`],
  };
}
