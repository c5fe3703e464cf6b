import type { Message, Notice } from "./notice.ts";
import { quotable } from "../outbound/quotable.ts";

const HEADINGS: Readonly<Record<Notice["kind"], string>> = {
  firing: "FIRING",
  reminder: "STILL FIRING",
  resolved: "RESOLVED",
  test: "TEST",
};

/** `[FIRING] js-errors: /data/release = 1.4.2`. Plain text in one line. */
export function titleOf(notice: Notice): string {
  const group = notice.group.map(({ by, value }) => `${by} = ${quotable(value)}`).join(", ");
  return `[${HEADINGS[notice.kind]}] ${notice.rule}${group === "" ? "" : `: ${group}`}`;
}

/** What a message says below the title, as pairs of a name and a line of plain text. */
export function detailsOf(notice: Notice): (readonly [name: string, text: string])[] {
  const { kind, finding, description, sample, severity, node, sink, startedMs, atMs, suppressed, link } = notice;
  const details: (readonly [string, string])[] = [["finding", quotable(finding)]];
  if (description !== undefined) details.push(["meaning", quotable(description)]);
  details.push(["severity", severity], ["node", quotable(node)], ["sink", sink], ["since", timeOf(startedMs)]);
  if (kind === "resolved") details.push(["until", timeOf(atMs)]);
  if (sample !== undefined) {
    details.push(["first event", timeOf(sample.firstMs)], ["last event", timeOf(sample.lastMs)]);
    details.push(["for example", quotable(sample.id)]);
  }
  if (suppressed > 0) {
    const times = suppressed === 1 ? "once" : `${suppressed} times`;
    details.push(["not told", `it fired ${times} since the last message and was over again`]);
  }
  if (link !== undefined) details.push(["link", quotable(link)]);
  return details;
}

/** The title of a message with several notices. */
export function subjectOf({ notices }: Message): string {
  const [first] = notices;
  if (notices.length === 1 && first !== undefined) return `Millrace ${titleOf(first)}`;
  const counts = new Map<string, number>();
  for (const { kind } of notices) counts.set(HEADINGS[kind], (counts.get(HEADINGS[kind]) ?? 0) + 1);
  return `Millrace: ${[...counts].map(([heading, count]) => `${count} ${heading}`).join(", ")}`;
}

/** Of notices that a channel could not take before, if there were any. */
export function droppedInWords({ dropped }: Message): string | undefined {
  return dropped === 0
    ? undefined
    : `${dropped} earlier ${dropped === 1 ? "message" : "messages"} could not be sent and ${dropped === 1 ? "was" : "were"} dropped.`;
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}
