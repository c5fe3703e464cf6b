import type { RuleConfig } from "./rule-config.ts";

/** By what a rule groups, and the value: `/data/release` and `1.4.2`. */
export interface GroupValue {
  readonly by: string;
  readonly value: string;
}

/** An alert in words, with all that a message about it may say. */
export interface Notice {
  readonly kind: "firing" | "reminder" | "resolved" | "test";
  readonly sink: string;
  readonly rule: string;
  readonly severity: RuleConfig["severity"];
  readonly labels: Readonly<Record<string, string>>;
  readonly group: readonly GroupValue[];
  /** The figure and the threshold: `62 events within 5 min, more than 50`. */
  readonly finding: string;
  readonly value: number;
  readonly description: string | undefined;
  readonly link: string | undefined;
  /** The node that tells it. */
  readonly node: string;
  readonly startedMs: number;
  readonly atMs: number;
  /** An event, and when the first and the last were received that are meant; absent where it is not about events. */
  readonly sample?: { readonly id: string; readonly firstMs: number; readonly lastMs: number };
  /** How often it fired since the last message without being told. */
  readonly suppressed: number;
}

/** Several notices that go out as one, and again under the same id when it is not known whether they arrived. */
export interface Message {
  readonly id: string;
  readonly notices: readonly Notice[];
  /** Notices that were dropped before this message, since the channel did not take them. */
  readonly dropped: number;
}

/** Fills in the template of a rule's link: values are escaped, so that they cannot change where it leads. */
export function linkOf(rule: RuleConfig, node: string, group: readonly GroupValue[]): string | undefined {
  if (rule.link === undefined) return undefined;
  const values = new Map([["rule", rule.name], ["node", node], ...group.map(({ by, value }) => [by, value] as const)]);
  return rule.link.replaceAll(/\{([^{}]*)\}/g, (whole, name: string) => {
    const value = values.get(name);
    return value === undefined ? whole : encodeURIComponent(value.toWellFormed());
  });
}
