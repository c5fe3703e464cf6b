import { z } from "zod";
import { MillraceError } from "../core/errors.ts";

const count = z.int().min(0);

/** A file name without a path: what a manifest says must not lead out of its folder. */
const fileName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/);

const manifestSchema = z.strictObject({
  version: z.literal(1),
  node: z.string().min(1),
  slot: z.string().min(1),
  madeAt: z.iso.datetime(),
  /** Events that each sink had not settled. */
  held: z.record(z.string(), count),
  files: z.array(z.strictObject({ name: fileName, bytes: count, sha256: z.string().regex(/^[0-9a-f]{64}$/) })).min(1),
});

/** What a lifeboat holds. It is written last, so a lifeboat that has one is complete. */
export type Manifest = z.infer<typeof manifestSchema>;

export const MANIFEST_NAME = "manifest.json";

/** Throws `lifeboat_invalid`. */
export function parseManifest(text: string, boat: string): Manifest {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    json = undefined;
  }
  const manifest = manifestSchema.safeParse(json);
  if (manifest.success) return manifest.data;
  throw new MillraceError(
    "lifeboat_invalid",
    `the manifest of lifeboat ${boat} cannot be read: ${z.prettifyError(manifest.error)}. Was it made by a newer version?`,
  );
}
