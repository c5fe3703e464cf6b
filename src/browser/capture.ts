import type { LossReason } from "./losses.ts";

/** Where a capture puts what it sees. */
export interface CaptureTarget {
  readonly track: (type: string, data: Readonly<Record<string, unknown>>) => void;
  readonly lose: (reason: LossReason) => void;
}

/** Makes events of what happens in the page by itself. Returns what stops it. */
export type Capture = (target: CaptureTarget) => () => void;

/** Of one page: a page that fails in a loop must not flood the collector. */
const MAX_OF_A_PAGE = 100;

/** Up to 100 events go through; what comes after is counted as lost. */
export function limited(target: CaptureTarget): CaptureTarget["track"] {
  let left = MAX_OF_A_PAGE;
  return (type, data) => {
    if (left === 0) return target.lose("capture_limit");
    left--;
    target.track(type, data);
  };
}

/** Without query and fragment, which may hold what is private. */
export function pageUrl(): string {
  return location.origin + location.pathname;
}

/** Listens on the window until it is stopped. The page's own handlers may still stop an event from getting here. */
export function listen<Name extends keyof WindowEventMap>(
  name: Name,
  handler: (event: WindowEventMap[Name]) => void,
  capture = false,
): () => void {
  addEventListener(name, handler, capture);
  return () => removeEventListener(name, handler, capture);
}
