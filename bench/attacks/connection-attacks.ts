import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { ATTACKER } from "../../test/kit/hostile-requests.ts";
import { type Attack, type AttackReport, Counts, shown, type Target } from "./attack.ts";

const IDLE_CONNECTIONS = 10_000;
const OPENED_AT_ONCE = 200;

const EVENT = '{"type":"attack.sent"}';
const HEAD = `POST /v1/events?key=${ATTACKER.key} HTTP/1.1\r\nHost: a\r\nContent-Length: `;
const REQUEST = `${HEAD}${EVENT.length}\r\n\r\n${EVENT}`;
const LARGE_ANSWER = "GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n";

/** Connections in numbers, or used as they are not meant to be. */
export const CONNECTION_ATTACKS: readonly Attack[] = [
  { name: "10,000 connections that say nothing", run: (target) => silent(target) },
  { name: "10,000 kept connections without a request", run: (target) => kept(target) },
  { name: "connections opened and reset as fast as possible", run: (target) => flood(target) },
  { name: "pipelined requests whose answers are not read", run: (target) => unread(target) },
  { name: "half-closed connections", run: (target) => halfClosed(target) },
  { name: "wrong keys as fast as possible", run: (target) => wrongKeys(target) },
];

async function silent(target: Target): Promise<AttackReport> {
  const { sockets, counts } = await openMany(target, IDLE_CONNECTIONS);
  const closed = await closedWithin(sockets, target.seconds * 1000);
  const faults = closed === IDLE_CONNECTIONS ? [] : [`${IDLE_CONNECTIONS - closed} connections were still open`];
  for (const socket of sockets) socket.destroy();
  return { sent: counts.text, answered: `${shown(closed)} closed without a word`, faults };
}

async function kept(target: Target): Promise<AttackReport> {
  const answers = new Counts();
  const { sockets, counts } = await openMany(target, IDLE_CONNECTIONS, async (socket) => {
    socket.write(REQUEST);
    const [chunk] = (await once(socket, "data", { signal: AbortSignal.timeout(30_000) })) as [Buffer];
    answers.add(chunk.toString("latin1", 9, 12));
  });
  const closed = await closedWithin(sockets, target.seconds * 1000);
  const faults = answers.of(201) === IDLE_CONNECTIONS ? [] : [`not all were answered 201: ${answers.text}`];
  // They are within http.maxConnections and http.idleTimeoutMs, so they are to be kept.
  if (closed > 0) faults.push(`${closed} connections were closed`);
  for (const socket of sockets) socket.destroy();
  return { sent: `${counts.text}, a request on each`, answered: answers.text, faults };
}

/** From many addresses, so that the attacker does not run out of ports. */
async function flood(target: Target): Promise<AttackReport> {
  const endMs = performance.now() + target.seconds * 1000;
  const counts = new Counts();
  const lane = async (index: number): Promise<void> => {
    const localAddress = `127.0.${1 + index}.1`;
    while (performance.now() < endMs) {
      const socket = connect({ port: target.port, host: "127.0.0.1", localAddress });
      const error = await settled(socket, "connect", 5_000);
      counts.add(error === undefined ? "connections" : "not connected");
      socket.resetAndDestroy();
    }
  };
  await Promise.all(Array.from({ length: 64 }, (_, index) => lane(index)));
  return { sent: counts.text, answered: "nothing was asked", faults: [] };
}

async function unread(target: Target): Promise<AttackReport> {
  const { sockets } = await openMany(target, 200);
  const counts = new Counts();
  for (const socket of sockets) {
    socket.pause();
    socket.on("close", () => counts.add("closed by the collector"));
  }
  const pipelined = LARGE_ANSWER.repeat(1_000);
  const endMs = performance.now() + target.seconds * 1000;
  let requests = 0;
  while (performance.now() < endMs) {
    for (const socket of sockets) {
      if (socket.destroyed || socket.writableLength > 1024 ** 2) continue;
      socket.write(pipelined);
      requests += 1_000;
    }
    await delay(50);
  }
  // A socket that is not read learns of its end only once it writes again.
  await delay(100);
  for (const socket of sockets) socket.destroy();
  return { sent: `200 connections, ${shown(requests)} requests written`, answered: counts.text, faults: [] };
}

async function halfClosed(target: Target): Promise<AttackReport> {
  const shapes = [
    { name: "a request", bytes: REQUEST, status: "201" },
    { name: "half a body", bytes: `${HEAD}500\r\n\r\n${EVENT}`, status: "400" },
    { name: "half a header", bytes: "POST /v1/events HTTP/1.1\r\nHost:", status: "400" },
    { name: "nothing", bytes: "", status: "" },
  ];
  const answers = new Counts();
  const faults = new Set<string>();
  const endMs = performance.now() + target.seconds * 1000;
  let sent = 0;
  const lane = async (): Promise<void> => {
    while (performance.now() < endMs) {
      const shape = shapes[sent++ % shapes.length];
      if (shape === undefined) return;
      const socket = connect({ port: target.port, host: "127.0.0.1", allowHalfOpen: true });
      let answer = "";
      socket.on("data", (chunk: Buffer) => (answer += chunk.toString("latin1")));
      socket.end(shape.bytes);
      const error = await settled(socket, "end", 30_000);
      socket.destroy();
      const status = answer.slice(9, 12);
      answers.add(status === "" ? "closed without a word" : status);
      if (status !== shape.status) faults.add(`${shape.name}: answered ${status || "nothing"} ${error ?? ""}`);
    }
  };
  await Promise.all(Array.from({ length: 64 }, lane));
  return { sent: `${shown(sent)} connections`, answered: answers.text, faults: [...faults] };
}

async function wrongKeys(target: Target): Promise<AttackReport> {
  const { sockets } = await openMany(target, 32);
  const answers = new Counts();
  const endMs = performance.now() + target.seconds * 1000;
  const lane = async (socket: Socket, index: number): Promise<void> => {
    for (let guess = 0; performance.now() < endMs; guess++) {
      socket.write(`POST /v1/events?key=wk_${index}_${guess} HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}`);
      const [chunk] = (await once(socket, "data", { signal: AbortSignal.timeout(30_000) })) as [Buffer];
      answers.add(chunk.toString("latin1", 9, 12));
    }
  };
  await Promise.all(sockets.map(lane));
  for (const socket of sockets) socket.destroy();
  const sent = answers.of(401);
  const faults = answers.text === `401 × ${shown(sent)}` ? [] : [`not all were answered 401: ${answers.text}`];
  return { sent: `${shown(sent)} requests on 32 connections`, answered: answers.text, faults };
}

async function openMany(
  target: Target,
  count: number,
  onOpen: (socket: Socket) => Promise<void> = async () => {},
): Promise<{ sockets: Socket[]; counts: Counts }> {
  const sockets: Socket[] = [];
  const counts = new Counts();
  const open = async (index: number): Promise<void> => {
    const localAddress = `127.0.${1 + (index % 8)}.2`;
    const socket = connect({ port: target.port, host: "127.0.0.1", localAddress });
    sockets.push(socket);
    const error = await settled(socket, "connect", 10_000);
    counts.add(error === undefined ? "connections" : "not connected");
    if (error === undefined) await onOpen(socket);
  };
  while (sockets.length < count) {
    const atOnce = Math.min(OPENED_AT_ONCE, count - sockets.length);
    await Promise.all(Array.from({ length: atOnce }, (_, index) => open(index)));
  }
  return { sockets, counts };
}

/** Waits for an event; tells why it did not come. */
function settled(socket: Socket, event: "connect" | "end", atMostMs: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve("timeout"), atMostMs);
    const done = (problem?: string): void => {
      clearTimeout(timer);
      resolve(problem);
    };
    socket.on("error", (error) => done(error.message));
    socket.once(event, () => done());
    socket.once("close", () => done("closed"));
  });
}

/** How many of these sockets the collector closes by itself. */
async function closedWithin(sockets: readonly Socket[], atMostMs: number): Promise<number> {
  const endMs = performance.now() + atMostMs;
  for (const socket of sockets) socket.resume();
  const closed = (): number => sockets.filter((socket) => socket.destroyed || socket.readableEnded).length;
  while (closed() < sockets.length && performance.now() < endMs) await delay(100);
  return closed();
}
