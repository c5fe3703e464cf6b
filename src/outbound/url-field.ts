import { z } from "zod";

/** An http or https URL. Each of the checks below takes any text: a text that is no URL is a problem of its own. */
export const httpUrl = z.url({ protocol: /^https?$/, error: "an http or https URL" });

/** Whether the URL has a user name or a password, which would be logged with it. */
export function hasUserInfo(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && (url.username !== "" || url.password !== "");
}

/** Whether the URL has nothing but an origin and a path. */
export function isPlainUrl(text: string): boolean {
  const url = URL.parse(text);
  return url === null || (!hasUserInfo(text) && url.search === "" && url.hash === "");
}
