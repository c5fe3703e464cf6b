import { once } from "node:events";
import { connect, type TLSSocket } from "node:tls";
import { setTimeout as sleep } from "node:timers/promises";

export const FRAME = {
  data: 0,
  headers: 1,
  rstStream: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const FLAG = { endStream: 1, ack: 1, endHeaders: 4 } as const;

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const FRAME_HEADER_BYTES = 9;

export function frame(type: number, flags: number, stream: number, payload: Buffer | string = ""): Buffer {
  const bytes = Buffer.from(payload);
  const header = Buffer.alloc(FRAME_HEADER_BYTES);
  header.writeUIntBE(bytes.length, 0, 3);
  header[3] = type;
  header[4] = flags;
  header.writeUInt32BE(stream, 5);
  return Buffer.concat([header, bytes]);
}

/** A header list in HPACK, every field as a literal that enters no table. */
export function hpack(fields: readonly (readonly [string, string])[]): Buffer {
  const parts: Buffer[] = [];
  for (const [name, value] of fields) parts.push(Buffer.from([0]), hpackString(name), hpackString(value));
  return Buffer.concat(parts);
}

function hpackString(text: string): Buffer {
  const bytes = Buffer.from(text, "latin1");
  return Buffer.concat([hpackInteger(bytes.length), bytes]);
}

/** With a prefix of seven bits (RFC 7541, 5.1). */
function hpackInteger(value: number): Buffer {
  if (value < 127) return Buffer.from([value]);
  const octets = [127];
  let rest = value - 127;
  for (; rest >= 128; rest = Math.floor(rest / 128)) octets.push((rest % 128) | 128);
  octets.push(rest);
  return Buffer.from(octets);
}

export const POST: readonly (readonly [string, string])[] = [
  [":method", "POST"],
  [":scheme", "https"],
  [":authority", "a"],
  [":path", "/v1/events"],
  ["x-write-key", "wk_web"],
];

export const GET: readonly (readonly [string, string])[] = [
  [":method", "GET"],
  [":scheme", "https"],
  [":authority", "a"],
  [":path", "/livez"],
];

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** An HTTP/2 client that sends what a test tells it, frame by frame, and does nothing by itself. */
export class RawHttp2Client {
  readonly socket: TLSSocket;
  readonly frames: Frame[] = [];
  #rest = Buffer.alloc(0);

  private constructor(socket: TLSSocket) {
    this.socket = socket;
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => this.#received(chunk));
  }

  static async connect(port: number, preface = true): Promise<RawHttp2Client> {
    const socket = connect({ port, host: "127.0.0.1", rejectUnauthorized: false, ALPNProtocols: ["h2"] });
    await once(socket, "secureConnect");
    const client = new RawHttp2Client(socket);
    if (preface) client.send(Buffer.from(PREFACE), frame(FRAME.settings, 0, 0));
    return client;
  }

  send(...frames: Buffer[]): void {
    if (this.socket.writable) this.socket.write(Buffer.concat(frames));
  }

  request(stream: number, fields: readonly (readonly [string, string])[], body?: string): void {
    const flags = body === undefined ? FLAG.endHeaders | FLAG.endStream : FLAG.endHeaders;
    this.send(frame(FRAME.headers, flags, stream, hpack(fields)));
    if (body !== undefined) this.send(frame(FRAME.data, FLAG.endStream, stream, body));
  }

  /** The frames of a stream that came so far. */
  of(stream: number, type: number): Frame[] {
    return this.frames.filter((each) => each.stream === stream && each.type === type);
  }

  /** Waits until `wanted` is true, or the connection has ended. */
  async until(wanted: () => boolean): Promise<void> {
    while (!wanted() && !this.socket.closed) await sleep(5);
  }

  async closed(): Promise<void> {
    if (!this.socket.closed) await new Promise((resolve) => this.socket.once("close", resolve));
  }

  /** The error code of the last GOAWAY. */
  get goaway(): number | undefined {
    return this.of(0, FRAME.goaway).at(-1)?.payload.readUInt32BE(4);
  }

  #received(chunk: Buffer): void {
    let bytes = Buffer.concat([this.#rest, chunk]);
    while (bytes.length >= FRAME_HEADER_BYTES) {
      const end = FRAME_HEADER_BYTES + bytes.readUIntBE(0, 3);
      if (bytes.length < end) break;
      this.frames.push({
        type: bytes.readUInt8(3),
        flags: bytes.readUInt8(4),
        stream: bytes.readUInt32BE(5),
        payload: bytes.subarray(FRAME_HEADER_BYTES, end),
      });
      bytes = bytes.subarray(end);
    }
    this.#rest = bytes;
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}
