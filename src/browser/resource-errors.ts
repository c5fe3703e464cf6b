import { type Capture, limited, listen, pageUrl } from "./capture.ts";

/** `page.resource_failed` with `element`, `resource` and `url`, for images, scripts and styles that do not load. */
export const resourceErrors: Capture = (target) => {
  const track = limited(target);
  const report = ({ target: element }: Event): void => {
    // Errors of scripts have the window as their target.
    if (!(element instanceof Element)) return;
    const address = element.getAttribute("src") ?? element.getAttribute("href") ?? "";
    const resource = address.replace(/[?#].*$/, "").slice(0, 1_000);
    track("page.resource_failed", { element: element.localName, resource, url: pageUrl() });
  };
  // These events do not bubble.
  return listen("error", report, true);
};
