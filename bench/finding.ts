/** One figure that a scenario is about, and what it should be. */
export interface Finding {
  readonly scenario: string;
  readonly name: string;
  readonly value: number;
  readonly unit: "×" | "ms" | "MB" | "%" | "events/s";
  /** From the goals of the project; none for figures that are only reported. */
  readonly goal?: { readonly kind: "at most" | "at least"; readonly value: number };
  /** A ratio of two figures of the same run, which another run can be compared with. */
  readonly isRatio?: boolean;
  /** The same of the best rounds, where it is a ratio. */
  readonly best?: number;
  /** How to understand it. */
  readonly note?: string;
}

/** Whether the goal is met; `undefined` without one, and when there is no figure. */
export function isMet({ value, goal }: Finding): boolean | undefined {
  if (goal === undefined || Number.isNaN(value)) return undefined;
  return goal.kind === "at most" ? value <= goal.value : value >= goal.value;
}
