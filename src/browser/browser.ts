/**
 * `millrace/browser`: sends events from web pages to a Millrace collector. What is not imported is left out by
 * bundlers, `web-vitals` too.
 */
export type { Capture, CaptureTarget } from "./capture.ts";
export {
  type Attributes,
  createMillrace,
  type Millrace,
  type MillraceOptions,
  type TrackOptions,
} from "./create-millrace.ts";
export { errors } from "./errors.ts";
export { longTasks } from "./long-tasks.ts";
export type { LossReason } from "./losses.ts";
export { pageViews } from "./page-views.ts";
export { resourceErrors } from "./resource-errors.ts";
export type { Sampling } from "./sampling.ts";
export { webVitals } from "./web-vitals.ts";
