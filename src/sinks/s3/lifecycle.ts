import { createHash } from "node:crypto";
import type { LifecycleRule, TransitionStorageClass } from "@aws-sdk/client-s3";
import type { S3Config } from "./config.ts";
import { constantPrefix } from "./object-key.ts";

/** Rules of ours have ids that begin like this. Others are never touched, nor are those of other sinks. */
const OURS = "millrace-";

/** S3 takes so many rules in a bucket. */
const MAX_RULES = 1_000;

export interface RuleChange {
  readonly kind: "added" | "changed" | "kept";
  readonly id: string;
  /** What the rule does, in words. */
  readonly does: string;
}

/** A bucket's rules as they are to be, and what that changes. */
export interface LifecyclePlan {
  readonly rules: readonly LifecycleRule[];
  readonly changes: readonly RuleChange[];
  /** Ids of rules that stay as they are, since they are not of these sinks. */
  readonly others: readonly string[];
  readonly problems: readonly string[];
}

type Archive = Pick<S3Config, "name" | "prefix" | "key" | "retention">;

/**
 * What all objects of a sink begin with. Empty when that is nothing: rules would be of the whole bucket.
 */
export function rulePrefix({ name, prefix, key }: Archive): string {
  return prefix !== "" && key.startsWith("{prefix}") ? prefix : constantPrefix(key, prefix, name);
}

/** The rules that a sink's `retention` asks for. */
export function rulesOf(sink: Archive, isVersioned: boolean): LifecycleRule[] {
  const { expireDays, noncurrentDays, abortMultipartDays, transitions } = sink.retention;
  const Prefix = rulePrefix(sink);
  const ID = ruleId(sink.name, Prefix);
  const Filter = { Prefix };
  const rule: LifecycleRule = {
    ID,
    Status: "Enabled",
    Filter,
    AbortIncompleteMultipartUpload: { DaysAfterInitiation: abortMultipartDays },
    ...(expireDays !== undefined && { Expiration: { Days: expireDays } }),
    ...(transitions.length > 0 && {
      Transitions: transitions.map(({ afterDays, storageClass }) => ({ Days: afterDays, StorageClass: storageClass })),
    }),
  };
  if (!isVersioned || expireDays === undefined) return [rule];
  // With versions, what expires is only hidden behind a marker: both have to go, too.
  return [
    { ...rule, NoncurrentVersionExpiration: { NoncurrentDays: noncurrentDays } },
    { ID: `${ID}-markers`, Status: "Enabled", Filter, Expiration: { ExpiredObjectDeleteMarker: true } },
  ];
}

/** Deployments that share a bucket may have sinks of the same name, with prefixes of their own. */
function ruleId(sink: string, prefix: string): string {
  return `${OURS}${sink}-${createHash("sha256").update(prefix).digest("hex").slice(0, 8)}`;
}

/**
 * Puts the rules of sinks among those that a bucket has.
 *
 * @param neighbours other sinks of the bucket: no rule may be of their objects, either
 */
export function planLifecycle(
  sinks: readonly Archive[],
  existing: readonly LifecycleRule[],
  isVersioned: boolean,
  neighbours: readonly Archive[] = [],
): LifecyclePlan {
  const problems: string[] = [];
  const wanted = new Map<string, LifecycleRule>();
  for (const sink of sinks) {
    const prefix = rulePrefix(sink);
    if (prefix === "") {
      problems.push(
        `sink ${sink.name}: its keys have nothing in common, so that its rules would be of the whole bucket; give it a prefix`,
      );
      continue;
    }
    const twin = [...sinks, ...neighbours].find((other) => other !== sink && rulePrefix(other).startsWith(prefix));
    if (twin !== undefined) {
      problems.push(
        `sinks ${sink.name} and ${twin.name} share the prefix ${prefix}, so that the rules of one are the other's too; give each its own`,
      );
      continue;
    }
    for (const rule of rulesOf(sink, isVersioned)) wanted.set(rule.ID ?? "", rule);
  }

  const rules: LifecycleRule[] = [];
  const changes: RuleChange[] = [];
  const others: string[] = [];
  for (const rule of existing) {
    const id = rule.ID ?? "";
    const next = wanted.get(id);
    if (next === undefined) others.push(id);
    else changes.push({ kind: inWords(next) === inWords(rule) ? "kept" : "changed", id, does: inWords(next) });
    rules.push(next ?? rule);
    wanted.delete(id);
  }
  for (const [id, rule] of wanted) {
    rules.push(rule);
    changes.push({ kind: "added", id, does: inWords(rule) });
  }
  if (rules.length > MAX_RULES) problems.push(`the bucket would have ${rules.length} rules; S3 takes ${MAX_RULES}`);
  return { rules, changes, others, problems };
}

/** What a rule does; the same words mean the same rule. */
function inWords(rule: LifecycleRule): string {
  const { Expiration, Transitions, NoncurrentVersionExpiration, AbortIncompleteMultipartUpload } = rule;
  const parts: string[] = [];
  for (const { Days, StorageClass } of Transitions ?? []) parts.push(`move to ${classOf(StorageClass)} ${after(Days)}`);
  if (Expiration?.Days !== undefined) parts.push(`delete ${after(Expiration.Days)}`);
  if (NoncurrentVersionExpiration?.NoncurrentDays !== undefined) {
    parts.push(`delete old versions ${after(NoncurrentVersionExpiration.NoncurrentDays)}`);
  }
  if (Expiration?.ExpiredObjectDeleteMarker === true) parts.push("delete markers that hide nothing");
  if (AbortIncompleteMultipartUpload?.DaysAfterInitiation !== undefined) {
    parts.push(`abort unfinished uploads ${after(AbortIncompleteMultipartUpload.DaysAfterInitiation)}`);
  }
  const off = rule.Status === "Enabled" ? "" : " (switched off)";
  return `${rule.Filter?.Prefix ?? ""}*: ${parts.join(", ")}${off}`;
}

function after(days: number | undefined): string {
  return days === 1 ? "after 1 day" : `after ${days ?? 0} days`;
}

function classOf(storageClass: TransitionStorageClass | undefined): string {
  return storageClass ?? "another class";
}
