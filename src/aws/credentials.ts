/** What signs a request. The same shape as the AWS SDK's `AwsCredentialIdentity`. */
export interface AwsIdentity {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  readonly expiration?: Date;
}

/**
 * Finds an identity. Answers from its cache until shortly before the expiry, unless a
 * refresh is forced; however many ask, one refresh is made at a time.
 */
export type IdentityProvider = (options?: { readonly forceRefresh?: boolean }) => Promise<AwsIdentity>;

/**
 * The identity requests are signed with, renewed when the service no longer takes it.
 *
 * Caching and renewal before expiry are the provider's. What is added here: a service
 * that calls an identity expired is believed, even where the provider thinks it good
 * (rotated keys in the environment or in a file, a clock that is off).
 */
export class AwsCredentials {
  readonly #provider: IdentityProvider;
  #latest: AwsIdentity | undefined;
  #refused = false;

  constructor(provider: IdentityProvider) {
    this.#provider = provider;
  }

  /** Rejects when no identity can be found; the error's message says where it was looked for. */
  async current(): Promise<AwsIdentity> {
    const identity = await this.#provider(this.#refused ? { forceRefresh: true } : undefined);
    this.#latest = identity;
    this.#refused = false;
    return identity;
  }

  /**
   * The service refused `identity` as expired or unknown: the next one is found afresh.
   * Late replies to requests signed before a refresh do not cause another.
   */
  refuse(identity: AwsIdentity): void {
    if (sameKeys(identity, this.#latest)) this.#refused = true;
  }
}

function sameKeys(a: AwsIdentity, b: AwsIdentity | undefined): boolean {
  return a.accessKeyId === b?.accessKeyId && a.sessionToken === b.sessionToken;
}

/**
 * The places AWS SDKs look: environment, shared config files, SSO, web identity,
 * process, container and instance metadata. The chain's code is loaded at first use.
 */
export function defaultIdentityProvider(region: string): IdentityProvider {
  let chain: Promise<IdentityProvider> | undefined;
  return async (options) => {
    chain ??= loadChain(region);
    return (await chain)(options);
  };
}

async function loadChain(region: string): Promise<IdentityProvider> {
  const { defaultProvider } = await import("@aws-sdk/credential-provider-node");
  // Without `ignoreCache` a refresh would read a rotated credentials file from memory.
  return defaultProvider({ ignoreCache: true, clientConfig: { region } });
}
