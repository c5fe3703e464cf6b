import { MillraceError } from "../core/errors.ts";

/** What to tell when the event port cannot be opened. */
export function portUnavailable({ host, port }: { host: string; port: number }, cause: unknown): MillraceError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new MillraceError(
    "port_unavailable",
    `The event port ${host}:${port} cannot be opened (${reason}). Stop what uses it, or set listen.host and listen.port to an address of this machine and a free port.`,
    { cause },
  );
}
