import { GetObjectCommand, ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3";
import { hourOfFolder } from "../formats/hour-folders.ts";
import type { ArchiveFile } from "./archive-file.ts";
import { mayHold, type TimeRange } from "./time-range.ts";

/** Where an archive is in S3. */
export interface S3ArchivePlace {
  readonly bucket: string;
  /** Keys begin with it; may be empty. */
  readonly prefix: string;
  readonly region: string;
  readonly endpoint?: string | undefined;
}

/** The objects of an archive in S3, by `dt=` and `hour=` in their keys where they have them. */
export async function s3Archive(place: S3ArchivePlace, range: TimeRange): Promise<ArchiveFile[]> {
  const { bucket, prefix, region, endpoint } = place;
  const client = new S3Client({ region, ...(endpoint !== undefined && { endpoint, forcePathStyle: true }) });
  const files: ArchiveFile[] = [];
  let token: string | undefined;
  do {
    const page = await client.send(
      new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, ContinuationToken: token }),
    );
    for (const { Key: key, Size: bytes = 0 } of page.Contents ?? []) {
      if (key === undefined || bytes === 0) continue;
      const [, day = "", hourName = ""] = /(dt=[^/]+)\/(?:[^/]+\/)*?(hour=[^/]+)\//.exec(key) ?? [];
      const hour = hourOfFolder(day, hourName);
      if (mayHold(range, hour)) files.push(objectFile(client, bucket, key, bytes, hour));
    }
    token = page.NextContinuationToken;
  } while (token !== undefined);
  return files;
}

function objectFile(
  client: S3Client,
  bucket: string,
  key: string,
  bytes: number,
  hour: ArchiveFile["hour"],
): ArchiveFile {
  const get = async (range?: string) => {
    const { Body: body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key, Range: range }));
    if (body === undefined) throw new Error(`s3://${bucket}/${key} has no body`);
    return body;
  };
  return {
    path: key,
    name: `s3://${bucket}/${key}`,
    bytes,
    hour,
    async *chunks(onBytes) {
      for await (const chunk of (await get()).transformToWebStream()) {
        onBytes(chunk.length);
        yield Buffer.from(chunk);
      }
    },
    range: async (start, end) => Buffer.from(await (await get(`bytes=${start}-${end - 1}`)).transformToByteArray()),
  };
}
