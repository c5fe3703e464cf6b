import { type Capture, limited, listen, pageUrl } from "./capture.ts";

const MAX_MESSAGE_CHARS = 1_000;
const MAX_STACK_CHARS = 8_000;

/** `page.error` with `kind`, `name`, `message`, `stack` and `url`, for errors and rejections that nobody caught. */
export const errors: Capture = (target) => {
  const track = limited(target);
  const report = (kind: string, thrown: unknown, message: string): void => {
    const error = thrown instanceof Error ? thrown : undefined;
    track("page.error", {
      kind,
      name: error?.name,
      message: (error?.message ?? message).slice(0, MAX_MESSAGE_CHARS),
      stack: error?.stack?.slice(0, MAX_STACK_CHARS),
      url: pageUrl(),
    });
  };
  const stopErrors = listen("error", ({ error, message }) => report("error", error, message));
  const stopRejections = listen("unhandledrejection", ({ reason }) => report("rejection", reason, textOf(reason)));
  return () => {
    stopErrors();
    stopRejections();
  };
};

/** Anything can be thrown, also what has no text. */
function textOf(thrown: unknown): string {
  try {
    return String(thrown);
  } catch {
    return "";
  }
}
