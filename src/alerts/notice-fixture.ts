import type { Notice } from "./notice.ts";

/** What a rule over events would tell. */
export function noticeOf(change: Partial<Notice> = {}): Notice {
  return {
    kind: "firing",
    sink: "alerts",
    rule: "js-errors",
    severity: "warning",
    labels: {},
    group: [{ by: "/data/release", value: "1.4.2" }],
    finding: "62 events within 5 min (alert: more than 50)",
    value: 62,
    description: undefined,
    link: undefined,
    node: "node-a",
    startedMs: 1_795_000_000_000,
    atMs: 1_795_000_060_000,
    sample: { id: "e1", firstMs: 1_795_000_000_000, lastMs: 1_795_000_050_000 },
    suppressed: 0,
    ...change,
  };
}
