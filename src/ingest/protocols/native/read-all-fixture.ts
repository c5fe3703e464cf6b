import type { IncomingBody, IncomingItem, UnreadableBody } from "../incoming-event.ts";

/** Reads a body to its end: all of its events, or why it cannot be read. */
export function readAll(
  body: IncomingBody,
): { readonly kind: "items"; readonly items: readonly IncomingItem[] } | UnreadableBody {
  const items: IncomingItem[] = [];
  for (;;) {
    const next = body.next();
    if (next.done === true) return next.value ?? { kind: "items", items };
    if (next.value !== undefined) items.push(next.value);
  }
}

export type ReadBody = ReturnType<typeof readAll>;
