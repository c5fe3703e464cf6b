import { constantPrefix } from "../sinks/s3/object-key.ts";
import type { MillraceConfig } from "./config.ts";

/** Where an archive is; plain data, so that it can be kept. */
export type ArchivePlace =
  | { readonly kind: "folder"; readonly dir: string; readonly sink?: string | undefined }
  | {
      readonly kind: "s3";
      readonly bucket: string;
      /** What its keys begin with. */
      readonly prefix: string;
      readonly region: string;
      readonly endpoint?: string | undefined;
      readonly sink?: string | undefined;
    };

/** The archives of a configuration: what its sinks keep so that it can be read again. */
export function configuredArchives({ sinks }: MillraceConfig): ArchivePlace[] {
  return sinks.flatMap((sink): ArchivePlace[] => {
    if (sink.type === "file") return [{ kind: "folder", dir: sink.dir, sink: sink.name }];
    if (sink.type !== "s3") return [];
    const { bucket, region, endpoint, name } = sink;
    const prefix = constantPrefix(sink.key, sink.prefix, name);
    return [{ kind: "s3", bucket, prefix, region, ...(endpoint !== undefined && { endpoint }), sink: name }];
  });
}
