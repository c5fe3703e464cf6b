import {
  CreateBucketCommand,
  GetBucketLifecycleConfigurationCommand,
  GetBucketVersioningCommand,
  GetPublicAccessBlockCommand,
  HeadBucketCommand,
  type LifecycleRule,
  PutBucketLifecycleConfigurationCommand,
  PutPublicAccessBlockCommand,
  type PublicAccessBlockConfiguration,
  type S3Client,
  type TransitionDefaultMinimumObjectSize,
} from "@aws-sdk/client-s3";
import { hasObjectLock } from "./bucket-check.ts";
import { openClient } from "./client.ts";
import type { S3Config } from "./config.ts";
import { type LifecyclePlan, planLifecycle } from "./lifecycle.ts";
import { readS3Error } from "./response.ts";

/** What is there of a bucket. */
export interface BucketState {
  readonly exists: boolean;
  readonly versioning: boolean;
  /** `undefined`: we may not ask. */
  readonly objectLock: boolean | undefined;
  /** Whether no access from outside can be granted; `undefined`: we may not ask, or the service does not know of it. */
  readonly publicAccessBlocked: boolean | undefined;
  readonly rules: readonly LifecycleRule[];
  /** A setting of the lifecycle that is kept as it is. */
  readonly minimumSize: TransitionDefaultMinimumObjectSize | undefined;
}

export interface SetupOptions {
  readonly createBucket: boolean;
  readonly blockPublicAccess: boolean;
  /** Sinks that write to the bucket too, and are not set up now. */
  readonly neighbours?: readonly S3Config[];
}

/** What is to be done to a bucket. */
export interface BucketPlan {
  readonly bucket: string;
  readonly region: string;
  readonly sinks: readonly string[];
  /** `undefined`: it cannot be looked at. */
  readonly exists: boolean | undefined;
  readonly versioning: boolean;
  /** `undefined`: we may not ask. */
  readonly objectLock: boolean | undefined;
  /** Whether carrying it out would change something. */
  readonly changes: boolean;
  readonly createBucket: boolean;
  readonly blockPublicAccess: boolean;
  readonly lifecycle: LifecyclePlan;
  /** What stands in the way, each with what to do. */
  readonly problems: readonly string[];
  /** Worth knowing. */
  readonly notes: readonly string[];
}

const NO_BUCKET: BucketState = {
  exists: false,
  versioning: false,
  objectLock: false,
  publicAccessBlocked: undefined,
  rules: [],
  minimumSize: undefined,
};

const ALL_BLOCKED: PublicAccessBlockConfiguration = {
  BlockPublicAcls: true,
  BlockPublicPolicy: true,
  IgnorePublicAcls: true,
  RestrictPublicBuckets: true,
};

/** What the sinks of one bucket need that is not there. */
export function planBucket(sinks: readonly S3Config[], state: BucketState, options: SetupOptions): BucketPlan {
  const [{ bucket, region } = { bucket: "", region: "" }] = sinks;
  const locks = sinks.some(({ objectLock }) => objectLock !== undefined);
  const createBucket = !state.exists && options.createBucket;
  const versioning = state.exists ? state.versioning : locks;
  const problems: string[] = [];
  const notes: string[] = [];
  if (!state.exists && !options.createBucket) {
    problems.push(
      "there is no such bucket: create it, let this command do so (--create), or correct `bucket` and `region`",
    );
  }
  if (state.exists && locks && state.objectLock === false) {
    problems.push(
      "the bucket has no Object Lock, which objectLock needs: turn on versioning and then Object Lock, which cannot be turned off again, or remove objectLock",
    );
  }
  if (state.exists && versioning && !locks) {
    notes.push("versioning is on: what expires is deleted for good retention.noncurrentDays later");
  }
  if (state.exists && locks && state.objectLock === undefined) {
    notes.push("whether it has Object Lock cannot be seen: allow s3:GetBucketObjectLockConfiguration");
  }
  const isOpen = state.publicAccessBlocked === false;
  if (isOpen && !options.blockPublicAccess) {
    notes.push("public access is not blocked for the whole bucket; --block-public-access does it");
  }
  const planned = planLifecycle(sinks, state.rules, versioning, options.neighbours);
  const lifecycle = state.exists || createBucket ? planned : { ...planned, changes: [], rules: [] };
  const blockPublicAccess = createBucket || (isOpen && options.blockPublicAccess);
  return {
    bucket,
    region,
    sinks: sinks.map(({ name }) => name),
    exists: state.exists,
    versioning,
    objectLock: state.exists ? state.objectLock : locks,
    changes: createBucket || blockPublicAccess || lifecycle.changes.some(({ kind }) => kind !== "kept"),
    createBucket,
    blockPublicAccess,
    lifecycle,
    problems: [...problems, ...lifecycle.problems],
    notes,
  };
}

/** The plan for a bucket of which nothing can be known. */
function planOfUnknown(sinks: readonly S3Config[], problem: string): BucketPlan {
  const plan = planBucket(sinks, NO_BUCKET, { createBucket: false, blockPublicAccess: false });
  return { ...plan, exists: undefined, problems: [problem] };
}

/** A bucket, and the sinks of a configuration that write to it. */
export class BucketSetup {
  readonly #client: S3Client;
  readonly #sinks: readonly S3Config[];
  readonly #options: SetupOptions;
  readonly #bucket: string;

  /** @param sinks one at least, all with the same bucket, region and endpoint */
  constructor(sinks: readonly [S3Config, ...S3Config[]], options: SetupOptions) {
    this.#client = openClient(sinks[0]);
    this.#sinks = sinks;
    this.#options = options;
    this.#bucket = sinks[0].bucket;
  }

  /** Never rejects: that the bucket cannot be looked at is a problem. */
  async plan(signal: AbortSignal): Promise<BucketPlan> {
    try {
      return planBucket(this.#sinks, await this.#look(signal), this.#options);
    } catch (error) {
      return planOfUnknown(this.#sinks, error instanceof Error ? error.message : String(error));
    }
  }

  /**
   * Carries out what a plan says, on the bucket as it is now: rules that were written meanwhile
   * stay. Rejects with what the service says, in words.
   */
  async apply(plan: BucketPlan, signal: AbortSignal): Promise<void> {
    const abortSignal = signal;
    const Bucket = this.#bucket;
    if (plan.createBucket) {
      // Without a place: in the region of the client, which the SDK then names.
      const command = new CreateBucketCommand({
        Bucket,
        ...(plan.objectLock === true && { ObjectLockEnabledForBucket: true }),
      });
      await saying("the bucket cannot be created", this.#client.send(command, { abortSignal }));
    }
    if (plan.blockPublicAccess) {
      const command = new PutPublicAccessBlockCommand({ Bucket, PublicAccessBlockConfiguration: ALL_BLOCKED });
      await saying("public access cannot be blocked", this.#client.send(command, { abortSignal }));
    }
    if (plan.lifecycle.changes.every(({ kind }) => kind === "kept")) return;
    const { rules, minimumSize } = await this.#lifecycle(signal);
    const command = new PutBucketLifecycleConfigurationCommand({
      Bucket,
      LifecycleConfiguration: {
        Rules: [...planLifecycle(this.#sinks, rules, plan.versioning, this.#options.neighbours).rules],
      },
      ...(minimumSize !== undefined && { TransitionDefaultMinimumObjectSize: minimumSize }),
    });
    await saying("the lifecycle cannot be written", this.#client.send(command, { abortSignal }));
  }

  close(): void {
    this.#client.destroy();
  }

  async #look(abortSignal: AbortSignal): Promise<BucketState> {
    const Bucket = this.#bucket;
    try {
      await this.#client.send(new HeadBucketCommand({ Bucket }), { abortSignal });
    } catch (error) {
      const { status, reason } = readS3Error(error);
      if (status === 404) return NO_BUCKET;
      throw new Error(`the bucket cannot be looked at: ${reason}`, { cause: error });
    }
    const versioning = await saying(
      "its versioning cannot be looked at",
      this.#client.send(new GetBucketVersioningCommand({ Bucket }), { abortSignal }),
    );
    return {
      exists: true,
      versioning: versioning.Status === "Enabled",
      objectLock: await hasObjectLock(this.#client, Bucket, abortSignal),
      publicAccessBlocked: await this.#isAccessBlocked(abortSignal),
      ...(await this.#lifecycle(abortSignal)),
    };
  }

  async #lifecycle(abortSignal: AbortSignal): Promise<Pick<BucketState, "rules" | "minimumSize">> {
    try {
      const { Rules = [], TransitionDefaultMinimumObjectSize: minimumSize } = await this.#client.send(
        new GetBucketLifecycleConfigurationCommand({ Bucket: this.#bucket }),
        { abortSignal },
      );
      return { rules: Rules, minimumSize };
    } catch (error) {
      const { code, reason } = readS3Error(error);
      if (code === "NoSuchLifecycleConfiguration") return { rules: [], minimumSize: undefined };
      // Writing replaces all rules: without knowing those that are there it would remove them.
      throw new Error(`its lifecycle cannot be looked at: ${reason}`, { cause: error });
    }
  }

  async #isAccessBlocked(abortSignal: AbortSignal): Promise<boolean | undefined> {
    try {
      const { PublicAccessBlockConfiguration: block = {} } = await this.#client.send(
        new GetPublicAccessBlockCommand({ Bucket: this.#bucket }),
        { abortSignal },
      );
      const { BlockPublicAcls, BlockPublicPolicy, IgnorePublicAcls, RestrictPublicBuckets } = block;
      return [BlockPublicAcls, BlockPublicPolicy, IgnorePublicAcls, RestrictPublicBuckets].every(Boolean);
    } catch (error) {
      return readS3Error(error).code === "NoSuchPublicAccessBlockConfiguration" ? false : undefined;
    }
  }
}

async function saying<T>(what: string, call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    throw new Error(`${what}: ${readS3Error(error).reason}`, { cause: error });
  }
}
