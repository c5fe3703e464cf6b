import type { CountAnswer } from "../../alerts/count-report.ts";
import type { Receipt } from "../../core/sink.ts";

/** Why counts were not taken, in words. */
export function reasonOf(answer: Exclude<CountAnswer, "counted">): string {
  switch (answer) {
    case "unknown":
      return "where counts are judged this sink is not known yet";
    case "late":
      return "the counts came too late to where they are judged";
  }
}

export function receiptOf(answer: CountAnswer): Receipt {
  return answer === "counted" ? { kind: "delivered" } : { kind: "retryable", reason: reasonOf(answer) };
}
