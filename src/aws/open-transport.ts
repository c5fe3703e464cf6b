import { type Clock, systemClock } from "../core/clock.ts";
import { regionalEndpoint } from "./config-fields.ts";
import { AwsCredentials, defaultIdentityProvider, type IdentityProvider } from "./credentials.ts";
import { SignedTransport } from "./signed-transport.ts";

/** What a sink that calls an AWS service is given besides its configuration. */
export interface AwsContext {
  readonly clock?: Clock;
  /** Where credentials come from. Default: the AWS default chain. */
  readonly identityProvider?: IdentityProvider;
}

/** The part of a sink's configuration that decides how its service is called. */
interface CallSettings {
  readonly endpoint?: string | undefined;
  readonly maxInFlight: number;
  readonly timeoutMs: number;
}

/** @param service its name in signatures, which is that of its public endpoint too */
export function openTransport(
  service: string,
  region: string,
  settings: CallSettings,
  context: AwsContext,
): SignedTransport {
  return new SignedTransport({
    service,
    region,
    endpoint: new URL(settings.endpoint ?? regionalEndpoint(service, region)),
    credentials: new AwsCredentials(context.identityProvider ?? defaultIdentityProvider(region)),
    clock: context.clock ?? systemClock,
    // One more than the pipeline uses, so that a check does not wait behind the batches.
    connections: settings.maxInFlight + 1,
    timeoutMs: settings.timeoutMs,
  });
}
