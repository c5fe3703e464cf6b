/** Milliseconds that never go back, where the runtime counts such; only differences mean anything. */
export function monotonicMs(): number {
  return typeof performance === "undefined" ? Date.now() : performance.now();
}
