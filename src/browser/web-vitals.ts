import { type Metric, onCLS, onFCP, onINP, onLCP, onTTFB } from "web-vitals";
import { type Capture, pageUrl } from "./capture.ts";

/**
 * `page.vital` with `name` (CLS, FCP, INP, LCP, TTFB), `value`, `rating`, `id`, `navigationType` and `url`. A value
 * that grew since it was told is told again, with the same `id`.
 */
export const webVitals: Capture = ({ track }) => {
  let isOn = true;
  const report = ({ name, value, rating, id, navigationType }: Metric): void => {
    if (isOn) track("page.vital", { name, value, rating, id, navigationType, url: pageUrl() });
  };
  for (const observe of [onCLS, onFCP, onINP, onLCP, onTTFB]) observe(report);
  return () => {
    isOn = false;
  };
};
