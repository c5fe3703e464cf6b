import type { Logger } from "pino";
import type { ClaimStore } from "../core/claim-store.ts";
import type { Clock } from "../core/clock.ts";
import type { OversizeConfig } from "../core/oversize-field.ts";
import { FolderClaimStore } from "./folder-claim-store.ts";

/** The place a configuration names; `undefined` when oversize events go to the dead letters. */
export async function openClaimStore(
  { to, dir, maxAgeMs, s3 }: OversizeConfig,
  context: { readonly clock: Clock; readonly log: Logger },
): Promise<ClaimStore | undefined> {
  if (to !== "claimCheck") return undefined;
  if (dir !== undefined) return new FolderClaimStore({ dir, maxAgeMs, ...context });
  if (s3 === undefined) return undefined;
  const { S3ClaimStore } = await import("./s3-claim-store.ts");
  return new S3ClaimStore(s3);
}
