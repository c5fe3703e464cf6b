import { numberOf, numberOfId } from "../kit/numbered-events.ts";
import { Tally } from "../kit/tally.ts";

/** A sink of the collector under test, with the server behind it. */
export interface Destination extends AsyncDisposable {
  readonly name: string;
  /** What stands behind it, for the table. */
  readonly server: string;
  /** The sink in `millrace.yaml`, without name and filter: keys and values in braces. */
  readonly yaml: string;
  /** `some`: only one event of 1,024 is sent to it, since its imitation takes no more. */
  readonly wants: "all" | "some";
  /** What the server holds, asked of itself. */
  stored(): Promise<Tally>;
  /** `kill -9`. Absent where nobody kills it here. */
  kill?(): Promise<void>;
  restart?(): Promise<void>;
}

/** The filter of a sink that wants some events only, and its meaning. */
export const SOME = { when: 'id.matches("[048c]00$")', includes: (number: number) => number % 1_024 === 0 };

export function tallyOfEvents(events: Iterable<Buffer>): Tally {
  const tally = new Tally();
  for (const event of events) {
    const number = numberOf(event);
    if (number !== undefined) tally.add(number);
  }
  return tally;
}

export function tallyOfIds(ids: Iterable<string>): Tally {
  const tally = new Tally();
  for (const id of ids) {
    const number = numberOfId(id);
    if (number !== undefined) tally.add(number);
  }
  return tally;
}
