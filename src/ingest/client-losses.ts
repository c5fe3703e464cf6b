import { decodePercent } from "./query.ts";

/** Of one request. Further ones are ignored. */
const MAX_REASONS = 8;

const MAX_EVENTS = 1e9;

const REASON = /^[a-z][a-z_]{0,31}$/;
const COUNT = /^[0-9]{1,10}$/;

/** Events that a client dropped before it could send them, all for one reason. */
export interface ClientLoss {
  readonly reason: string;
  readonly events: number;
}

/**
 * Reads what a client reports in `?dropped=`: `queue_full:3,expired:2`. What has another form is
 * ignored, since the report must not stand in the way of the events that come with it.
 *
 * @param report percent-encoded
 */
export function readClientLosses(report: string): readonly ClientLoss[] {
  const losses: ClientLoss[] = [];
  for (const item of decodePercent(report)?.split(",", MAX_REASONS) ?? []) {
    const [reason = "", count = "", ...others] = item.split(":");
    const events = COUNT.test(count) ? Number(count) : 0;
    if (others.length > 0 || !REASON.test(reason) || events < 1 || events > MAX_EVENTS) continue;
    losses.push({ reason, events });
  }
  return losses;
}
