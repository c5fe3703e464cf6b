import { connect, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { makeEvent } from "../chaos-event.ts";
import type { BegunFault, Fault } from "../fault.ts";
import type { Targets } from "../targets.ts";

const SLOWLORIS_CONNECTIONS = 200;
const SLOW_CLIENTS = 20;
const FLOOD_AT_A_TIME = 50;
const DRIP_MS = 200;

/** What senders of another kind do to the event port meanwhile. */
export const CLIENT_FAULTS: readonly Fault[] = [
  {
    name: "slow-clients",
    lanes: ["clients"],
    weight: 1,
    lengthMs: [4_000, 8_000],
    meaning: `${SLOW_CLIENTS} clients send their events some bytes at a time`,
    begin: async (targets, random) =>
      crowd(targets, SLOW_CLIENTS, (socket, stopped) => sendSlowly(socket, stopped, wholeRequest(targets, random))),
  },
  {
    name: "slowloris",
    lanes: ["clients"],
    weight: 1,
    lengthMs: [4_000, 10_000],
    meaning: `${SLOWLORIS_CONNECTIONS} connections send headers that never end`,
    begin: async (targets) => crowd(targets, SLOWLORIS_CONNECTIONS, dripHeaders),
  },
  {
    name: "connection-flood",
    lanes: ["clients"],
    weight: 1,
    lengthMs: [2_000, 5_000],
    meaning: `connections are opened and closed, ${FLOOD_AT_A_TIME} at a time, as fast as they can be`,
    begin: async (targets) => crowd(targets, FLOOD_AT_A_TIME, async () => {}),
  },
  {
    name: "client-resets",
    lanes: ["clients"],
    weight: 1,
    lengthMs: [2_000, 6_000],
    meaning: "clients reset their connections in the middle of requests and right behind them",
    begin: async (targets, random) =>
      crowd(targets, 10, async (socket) => {
        const request = wholeRequest(targets, random);
        // Half of them have sent all of it: their events may be stored, and nobody was promised that.
        const bytes = random() < 0.5 ? request.length : Math.floor(random() * request.length);
        socket.write(request.subarray(0, bytes));
        await delay(random() * 20);
        socket.resetAndDestroy();
      }),
  },
  {
    name: "garbage",
    lanes: ["clients"],
    weight: 1,
    lengthMs: [2_000, 6_000],
    meaning: "clients send what is not HTTP, not JSON, or not what its headers say",
    begin: async (targets, random) =>
      crowd(targets, 10, async (socket) => {
        socket.write(GARBAGE[Math.floor(random() * GARBAGE.length)]?.(targets.key) ?? "");
        await delay(50);
      }),
  },
];

const GARBAGE: readonly ((key: string) => string | Buffer)[] = [
  () => Buffer.from(Array.from({ length: 512 }, (_, at) => (at * 167) % 256)),
  () => "GET / HTTP/9.9\r\n\r\n",
  (key) => post(key, "Content-Type: application/json\r\n", "[[[[{"),
  (key) => post(key, "Content-Type: application/json\r\n", "[5]"),
  (key) => post(key, "Content-Type: application/json\r\nContent-Encoding: gzip\r\n", "this is not gzip"),
  (key) => post(key, "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n", "5\r\nhello\r\n"),
  (key) => post(`${key}_unknown`, "Content-Type: application/json\r\n", "{}"),
  () => "POST /v1/events HTTP/1.1\r\nHost: a\r\nHost: b\r\nContent-Length: -1\r\n\r\n",
];

/** Keeps so many connections going, each made anew when its work is done or the collector closes it, until the end. */
function crowd(
  { collector }: Targets,
  connections: number,
  work: (socket: Socket, stopped: AbortSignal) => Promise<void>,
): BegunFault {
  const stop = new AbortController();
  let made = 0;
  const one = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      const socket = connect(collector.port, "127.0.0.1");
      // Being cut off is what these clients are for.
      socket.on("error", () => {});
      socket.resume();
      if (await isConnected(socket)) {
        made++;
        await work(socket, stop.signal);
      } else {
        await delay(DRIP_MS);
      }
      socket.destroy();
    }
  };
  const all = Promise.all(Array.from({ length: connections }, one));
  return {
    get detail() {
      return `${made} connections`;
    },
    async end() {
      stop.abort();
      await all;
    },
  };
}

function isConnected(socket: Socket): Promise<boolean> {
  return new Promise((resolve) => {
    socket.once("connect", () => resolve(true));
    socket.once("close", () => resolve(false));
    socket.setTimeout(2_000, () => resolve(false));
  });
}

async function dripHeaders(socket: Socket, stopped: AbortSignal): Promise<void> {
  socket.write("POST /v1/events HTTP/1.1\r\nHost: chaos\r\n");
  while (!stopped.aborted && !socket.destroyed) {
    socket.write("X-Slow: 1\r\n");
    await delay(DRIP_MS);
  }
}

async function sendSlowly(socket: Socket, stopped: AbortSignal, request: Buffer): Promise<void> {
  const step = Math.ceil(request.length / 15);
  for (let at = 0; at < request.length && !stopped.aborted && !socket.destroyed; at += step) {
    socket.write(request.subarray(at, at + step));
    await delay(DRIP_MS);
  }
}

/** A request with a valid event, which the oracle knows as sent. */
function wholeRequest({ oracle, key }: Targets, random: () => number): Buffer {
  const event = makeEvent(oracle.nextSeq, random);
  oracle.made(event);
  oracle.attempted([event.seq]);
  return Buffer.from(post(key, "Content-Type: application/json\r\n", event.json));
}

function post(key: string, headers: string, body: string): string {
  const length = headers.includes("Transfer-Encoding") ? "" : `Content-Length: ${Buffer.byteLength(body)}\r\n`;
  return `POST /v1/events HTTP/1.1\r\nHost: chaos\r\nAuthorization: Bearer ${key}\r\n${headers}${length}\r\n${body}`;
}
