import path from "node:path";

/** A path as a person standing in `cwd` would write it: relative where that leads down, else absolute. */
export function shortPath(file: string, cwd: string): string {
  const relative = path.relative(cwd, file);
  return relative === "" || relative.startsWith("..") || path.isAbsolute(relative) ? file : relative;
}
