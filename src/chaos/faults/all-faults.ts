import type { Fault } from "../fault.ts";
import { CLIENT_FAULTS } from "./client-faults.ts";
import { CLOCK_FAULTS } from "./clock-faults.ts";
import { DISK_FAULTS } from "./disk-faults.ts";
import { PROCESS_FAULTS } from "./process-faults.ts";
import { SINK_FAULTS } from "./sink-faults.ts";

/** Every fault there is. */
export const ALL_FAULTS: readonly Fault[] = [
  ...PROCESS_FAULTS,
  ...SINK_FAULTS,
  ...DISK_FAULTS,
  ...CLOCK_FAULTS,
  ...CLIENT_FAULTS,
];

/** Those of a storm unless it names its own. */
export const USUAL_FAULTS: readonly Fault[] = ALL_FAULTS.filter(({ weight }) => weight > 0);
