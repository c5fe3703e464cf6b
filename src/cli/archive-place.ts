import path from "node:path";
import { type ArchivePlace, configuredArchives } from "../app/archives.ts";
import type { MillraceConfig } from "../app/config.ts";
import { MillraceError } from "../core/errors.ts";
import type { ArchiveFile } from "../replay/archive-file.ts";
import type { TimeRange } from "../replay/time-range.ts";

/** How a command is told where an archive is. */
export interface ArchiveOptions {
  readonly archive?: string;
  readonly dir?: string;
  readonly bucket?: string;
  readonly prefix?: string;
  readonly region?: string;
  readonly endpoint?: string;
}

/** The archive that is named, else the only one there is. Throws `usage`. */
export function archivePlace(options: ArchiveOptions, config: MillraceConfig, context: Place): ArchivePlace {
  const named = namedArchive(options, config, context);
  if (named !== undefined) return named;
  const [only, ...others] = configuredArchives(config);
  if (only !== undefined && others.length === 0) return only;
  throw new MillraceError(
    "usage",
    `say which archive: --archive SINK (there is: ${sinkNames(config)}), --dir DIR, or --bucket BUCKET with --prefix`,
  );
}

/** The archive that is named, by its sink or its place; `undefined` when none is. Throws `usage`. */
export function namedArchive(
  options: ArchiveOptions,
  config: MillraceConfig,
  context: Place,
): ArchivePlace | undefined {
  const named = namedPlace(options, context);
  if (named !== undefined || options.archive === undefined) return named;
  const place = configuredArchives(config).find(({ sink }) => sink === options.archive);
  if (place !== undefined) return place;
  throw new MillraceError(
    "usage",
    `there is no sink ${options.archive} that keeps an archive; there is: ${sinkNames(config)}`,
  );
}

function sinkNames(config: MillraceConfig): string {
  return (
    configuredArchives(config)
      .map(({ sink }) => sink)
      .join(", ") || "none"
  );
}

/** For people. */
export function placeName(place: ArchivePlace): string {
  return place.kind === "folder" ? place.dir : `s3://${place.bucket}/${place.prefix}`;
}

interface Place {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
}

function namedPlace(options: ArchiveOptions, { cwd, env }: Place): ArchivePlace | undefined {
  const { archive, dir, bucket, prefix = "", region, endpoint } = options;
  if ([archive, dir, bucket].filter((place) => place !== undefined).length > 1)
    throw new MillraceError("usage", "--archive, --dir and --bucket each name an archive: use one of them");
  if (bucket === undefined && (options.prefix ?? region ?? endpoint) !== undefined)
    throw new MillraceError("usage", "--prefix, --region and --endpoint belong to --bucket");
  if (dir !== undefined) return { kind: "folder", dir: path.resolve(cwd, dir) };
  if (bucket === undefined) return undefined;
  const where = { bucket, prefix, region: region ?? env["AWS_REGION"] ?? "us-east-1" };
  return { kind: "s3", ...where, ...(endpoint !== undefined && { endpoint }) };
}

export async function archiveFiles(place: ArchivePlace, range: TimeRange): Promise<ArchiveFile[]> {
  if (place.kind === "folder") {
    const { localArchive } = await import("../replay/local-archive.ts");
    return localArchive(place.dir, range);
  }
  const { s3Archive } = await import("../replay/s3-archive.ts");
  try {
    return await s3Archive(place, range);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new MillraceError("replay_unusable", `${placeName(place)} cannot be listed: ${why}`, {
      cause: error,
    });
  }
}
