import { connect } from "node:net";

export interface RawAnswer {
  /** Of the answers in their order; interim ones too. */
  readonly statuses: readonly number[];
  readonly text: string;
}

/**
 * Sends bytes as they are on a connection of their own, ends that half of it, and reads until
 * the collector ends the other, breaks it, or says nothing more for `waitMs`.
 */
export async function exchangeRaw(port: number, bytes: Uint8Array, waitMs = 10_000): Promise<RawAnswer> {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  socket.on("error", () => {});
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  socket.setTimeout(waitMs, () => socket.destroy());
  socket.once("end", () => socket.destroy());
  socket.end(bytes);
  await new Promise((resolve) => socket.once("close", resolve));
  const text = Buffer.concat(chunks).toString("latin1");
  return { statuses: [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status)), text };
}
