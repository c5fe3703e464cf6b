import { type Capture, listen, pageUrl } from "./capture.ts";

/** `page.viewed` with `path`, `url`, `title` and `referrer`: now, and whenever the path changes through the history. */
export const pageViews: Capture = ({ track }) => {
  let last: string | undefined;
  const view = (): void => {
    const url = pageUrl();
    if (url === last) return;
    // Without a referrer the member is left out: an empty string is no URL.
    const referrer = last ?? (withoutQuery(document.referrer) || undefined);
    track("page.viewed", { path: location.pathname, url, title: document.title, referrer });
    last = url;
  };
  const stopPush = after("pushState", view);
  const stopReplace = after("replaceState", view);
  const stopPop = listen("popstate", view);
  view();
  return () => {
    stopPush();
    stopReplace();
    stopPop();
  };
};

/** Calls back after each call of a method of `history`, which has no event for it. */
function after(name: "pushState" | "replaceState", callback: () => void): () => void {
  const original = history[name];
  let isOn = true;
  const wrapped: History["pushState"] = function (this: History, ...args) {
    original.apply(this, args);
    if (isOn) callback();
  };
  history[name] = wrapped;
  return () => {
    isOn = false;
    // Whoever wrapped it since still needs it.
    if (history[name] === wrapped) history[name] = original;
  };
}

function withoutQuery(url: string): string {
  return url.replace(/[?#].*$/, "");
}
