import { createHash } from "node:crypto";
import type { AlertmanagerConfig } from "../channel-config.ts";
import { titleOf } from "../message-text.ts";
import type { Notice } from "../notice.ts";
import { quotable } from "../../outbound/quotable.ts";

/** An alert as Alertmanager takes it at `/api/v2/alerts`. */
export interface PostedAlert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly startsAt: string;
  readonly endsAt: string;
  readonly generatorURL?: string;
}

/** What fires is told every `resendEveryMs`, and has expired after this many of them, as with Prometheus. */
const RESENDS_UNTIL_EXPIRY = 4;

/** Where alerts of a URL in the configuration are posted. */
export function alertsUrl(url: string): URL {
  return new URL(`${url.replace(/\/+$/, "")}/api/v2/alerts`);
}

/**
 * The labels of an alert, by which Alertmanager knows it again: the same on every node, so that
 * the alerts of several nodes are one. What differs between nodes is in the annotations.
 */
export function labelsOf(notice: Notice): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const { by, value } of notice.group) labels[labelName(by)] = quotable(value) || "(empty)";
  return { ...labels, ...notice.labels, alertname: notice.rule, severity: notice.severity, job: "millrace" };
}

/** `/data/release` as `data_release`. */
function labelName(by: string): string {
  const name = by.replace(/^\//, "").replaceAll(/[^A-Za-z0-9_]+/g, "_");
  return /^[A-Za-z_]/.test(name) ? name : `_${name}`;
}

export function keyOf(labels: Readonly<Record<string, string>>): string {
  const sorted = Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return createHash("sha256").update(JSON.stringify(sorted)).digest("base64");
}

export function firingAlert(notice: Notice, { resendEveryMs }: AlertmanagerConfig, nowMs: number): PostedAlert {
  return posted(notice, nowMs + RESENDS_UNTIL_EXPIRY * resendEveryMs);
}

export function resolvedAlert(alert: PostedAlert, nowMs: number): PostedAlert {
  return { ...alert, endsAt: new Date(Math.max(nowMs, Date.parse(alert.startsAt))).toISOString() };
}

function posted(notice: Notice, endsMs: number): PostedAlert {
  const { finding, description, node, sample, link } = notice;
  return {
    labels: labelsOf(notice),
    annotations: {
      summary: `${titleOf(notice).replace(/^\[[^\]]*\] /, "")}: ${quotable(finding)}`,
      ...(description !== undefined && { description: quotable(description) }),
      node: quotable(node),
      ...(sample && {
        sample_event_id: quotable(sample.id),
        first_event: new Date(sample.firstMs).toISOString(),
        last_event: new Date(sample.lastMs).toISOString(),
      }),
    },
    startsAt: new Date(notice.startedMs).toISOString(),
    endsAt: new Date(endsMs).toISOString(),
    ...(link !== undefined && URL.canParse(link) && { generatorURL: link }),
  };
}
