import type { Position } from "../core/event.ts";

/** Names the place of one event on this node: `<slot>-<position>`. */
export function receiptId(slot: string, position: Position): string {
  return `${slot}-${position}`;
}

/** Reads a receipt id; `undefined` when it is none. A slot's name may hold `-` itself. */
export function parseReceiptId(text: string): { slot: string; position: Position } | undefined {
  const dash = text.lastIndexOf("-");
  const digits = text.slice(dash + 1);
  if (dash < 1 || !/^(0|[1-9]\d{0,15})$/.test(digits)) return undefined;
  const position = Number(digits);
  return Number.isSafeInteger(position) ? { slot: text.slice(0, dash), position } : undefined;
}
