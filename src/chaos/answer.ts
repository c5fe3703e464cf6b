/** What is looked at in the body of a 2xx. */
export interface Answer {
  /** Places in the request of the events that were rejected, and what was said of each. */
  readonly rejected: ReadonlyMap<number, string>;
  /** With `ack=delivered`: whether it came about, where that is told. */
  readonly delivery: string | undefined;
}

/** Reads the body of a 2xx; `undefined` when it is none that a collector may send. An empty one tells that all is well with all. */
export function readAnswer(text: string): Answer | undefined {
  if (text === "") return { rejected: new Map(), delivery: undefined };
  const body = parse(text);
  if (typeof body !== "object" || body === null) return undefined;
  const { results = [], delivery }: { results?: unknown; delivery?: unknown } = body;
  if (!Array.isArray(results) || (delivery !== undefined && typeof delivery !== "string")) return undefined;
  const rejected = new Map<number, string>();
  for (const result of results as unknown[]) {
    if (typeof result !== "object" || result === null) return undefined;
    const { index, status }: { index?: unknown; status?: unknown } = result;
    if (typeof index !== "number" || typeof status !== "string") return undefined;
    if (status === "rejected") rejected.set(index, JSON.stringify(result));
  }
  return { rejected, delivery };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
