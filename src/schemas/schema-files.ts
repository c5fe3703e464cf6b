import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { VERSION_NAME } from "./schema-version.ts";
import { escapeUnsafe } from "./value-words.ts";

const MAX_FILES = 5_000;
const MAX_FILE_BYTES = 1024 * 1024;
const MAX_DEPTH = 8;

/** One `.json` file of the schema directory. */
export interface SchemaFile {
  /** Path in the directory, with `/`. */
  readonly path: string;
  /** The event type it describes; `undefined` for a file that others refer to. */
  readonly type: string | undefined;
  readonly version: string | undefined;
  readonly text: string;
  readonly document: Record<string, unknown> | boolean;
}

/** Size and change time of a file, enough to notice that it was written. */
export interface FileStamp {
  readonly path: string;
  readonly bytes: number;
  readonly stamp: string;
}

/**
 * The `.json` files of a schema directory, sorted, however deep. Names that begin with a dot are
 * skipped; symbolic links are followed, as a mounted Kubernetes ConfigMap consists of them.
 * Throws what the file system throws.
 */
export async function listSchemaFiles(dir: string): Promise<FileStamp[]> {
  const files: FileStamp[] = [];
  const pending = [{ folder: "", depth: 0 }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    for (const name of await readdir(join(dir, next.folder))) {
      if (name.startsWith(".")) continue;
      const path = next.folder === "" ? name : `${next.folder}/${name}`;
      // A file can go away while the directory is read; the next look will see it gone.
      const stats = await stat(join(dir, path)).catch(() => undefined);
      if (stats?.isDirectory() === true && next.depth < MAX_DEPTH) {
        pending.push({ folder: path, depth: next.depth + 1 });
      }
      if (stats?.isFile() !== true || !name.endsWith(".json")) continue;
      files.push({ path, bytes: stats.size, stamp: `${stats.mtimeMs}/${stats.size}/${stats.ino}` });
      if (files.length > MAX_FILES) throw new Error(`more than ${MAX_FILES} files`);
    }
  }
  return files.toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

/** Reads the files of a schema directory; what cannot be read or understood is listed in `problems`. */
export async function readSchemaFiles(dir: string): Promise<{ files: SchemaFile[]; problems: string[] }> {
  const files: SchemaFile[] = [];
  const problems: string[] = [];
  for (const { path, bytes } of await listSchemaFiles(dir)) {
    const place = placeOf(path);
    if (typeof place === "string") {
      problems.push(`${path}: ${place}`);
      continue;
    }
    if (bytes > MAX_FILE_BYTES) {
      problems.push(`${path}: is larger than ${MAX_FILE_BYTES} bytes`);
      continue;
    }
    const text = (await readFile(join(dir, path), "utf8")).replace(/^\uFEFF/, "");
    const parsed = parseDocument(text);
    if (parsed.kind === "bad")
      problems.push(`${path}${parsed.line === undefined ? "" : `:${parsed.line}`}: ${parsed.reason}`);
    else files.push({ path, ...place, text, document: parsed.document });
  }
  return { files, problems };
}

/** Which type and version a file describes, by its name; or what is wrong with the name. */
function placeOf(path: string): { type: string | undefined; version: string | undefined } | string {
  const segments = path.slice(0, -".json".length).split("/");
  if (segments[0]?.startsWith("_") === true) return { type: undefined, version: undefined };
  const [type, version] = segments;
  if (segments.length > 2) {
    return "is too deep: schemas are <event type>.json or <event type>/<version>.json; a folder for shared parts begins with _";
  }
  if (version !== undefined && !VERSION_NAME.test(version)) {
    return `"${version}" is not a version: use letters, digits, dots, - and _, as in 1, 2.1.0 or 1-0-2`;
  }
  return { type, version };
}

type Parsed =
  | { readonly kind: "document"; readonly document: SchemaFile["document"] }
  | { readonly kind: "bad"; readonly reason: string; readonly line?: number };

function parseDocument(text: string): Parsed {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    // V8 tells the position at the end of its message, except for a text that ends too early.
    const position = /at position (\d+)/.exec(message)?.[1];
    const before = position === undefined ? text.trimEnd() : text.slice(0, Number(position));
    const reason = message.replace(/(,? ".*" is not valid JSON| in JSON)? at position .*$/s, "");
    return { kind: "bad", reason: `not JSON: ${escapeUnsafe(reason)}`, line: before.split("\n").length };
  }
  if (typeof document === "boolean") return { kind: "document", document };
  if (isRecord(document)) return { kind: "document", document };
  return { kind: "bad", reason: "a schema is a JSON object, or true or false" };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
