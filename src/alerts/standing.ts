import type { Alert } from "./alert.ts";
import type { GroupValue, Notice } from "./notice.ts";

/** How one group of a rule stands now. */
export interface Standing {
  readonly alert: Alert;
  readonly group: readonly GroupValue[];
  /** Whether the rule's condition holds; `undefined` when it cannot be told now, and all stays as it was. */
  readonly holds: boolean | undefined;
  readonly value: number;
  /** The value and the threshold in words. Made when it is told: most never are. */
  readonly finding: () => string;
  readonly sample?: Notice["sample"];
}

const NUMBER = new Intl.NumberFormat("en-US", { maximumFractionDigits: 2 });

/** `1234567` as `1,234,567`, and parts as short as they can be. */
export function numberInWords(value: number): string {
  return NUMBER.format(value);
}

/** `0.0534` as `5.34 %`. */
export function partInWords(part: number): string {
  return `${numberInWords(part * 100)} %`;
}
