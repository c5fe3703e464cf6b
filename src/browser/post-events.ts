/** A request that takes longer is taken for lost. */
const REQUEST_MS = 30_000;

/** What became of one event, as the collector tells it. */
export interface EventResult {
  readonly index: number;
  readonly code?: string;
  readonly pointer?: string;
  readonly message?: string;
  readonly problems?: readonly Pick<EventResult, "code" | "pointer" | "message">[];
  readonly warnings?: EventResult["problems"];
}

/**
 * What became of a request:
 * `taken`: every event is stored, or invalid and in the collector's quarantine: none needs to be sent again;
 * `retry`: nothing was taken, and the same request may be later;
 * `split`: it may be taken in parts;
 * `refused`: it will never be taken.
 */
export interface Outcome {
  readonly kind: "taken" | "retry" | "split" | "refused";
  /** Ms from now before which not to try again. */
  readonly notBeforeMs: number;
  /** What to tell a developer: read only where it was asked for. */
  readonly results: readonly EventResult[];
  readonly detail: string;
}

interface Answer {
  readonly code?: string;
  readonly detail?: string;
  readonly results?: readonly EventResult[];
}

/**
 * Sends events in one request. As text/plain with the key in the URL it needs no preflight, so that it can be
 * finished after the page is gone.
 *
 * @param withResults ask for a result for each event, which costs a preflight
 */
export async function postEvents(
  url: string,
  events: readonly string[],
  { keepalive, withResults }: { readonly keepalive: boolean; readonly withResults: boolean },
): Promise<Outcome> {
  try {
    const response = await fetch(url, {
      method: "POST",
      body: `[${events.join(",")}]`,
      headers: { "Content-Type": "text/plain", ...(withResults && { Prefer: "return=representation" }) },
      credentials: "omit",
      keepalive: keepalive && !withResults,
      signal: AbortSignal.timeout(REQUEST_MS),
    });
    const { ok, status } = response;
    const answer = readAnswer(await response.text());
    return {
      kind: ok || answer.code === "events_invalid" ? "taken" : kindOf(status, answer.code),
      notBeforeMs: (Number(response.headers.get("Retry-After")) || 0) * 1_000,
      results: answer.results ?? [],
      detail: answer.detail ?? `status ${status}`,
    };
  } catch {
    const detail = "it cannot be reached, or does not list this page's origin";
    return { kind: "retry", notBeforeMs: 0, results: [], detail };
  }
}

/** Empty when all is well, and not ours when a proxy refused the request. */
function readAnswer(text: string): Answer {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

function kindOf(status: number, code: string | undefined): Outcome["kind"] {
  if (status === 413) return "split";
  return status === 408 || status === 429 || status >= 500 || code === "body_incomplete" ? "retry" : "refused";
}
