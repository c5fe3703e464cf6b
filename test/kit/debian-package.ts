import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";

const INSTALL_MS = 300_000;

/** A program of the machine's, or of Debian's, which is then installed; or the reason why there is none. */
export type Found = { readonly path: string; readonly why?: never } | { readonly path?: never; readonly why: string };

/**
 * The first of the paths that exists, else after installing the Debian package.
 *
 * @param packageName as `apt-get install` takes it
 */
export function programOf(packageName: string, paths: readonly string[]): Found {
  const find = () => paths.find((path) => existsSync(path));
  const present = find();
  if (present !== undefined) return { path: present };
  let problem = "it has no such file";
  for (const args of [["install"], ["update"], ["install"]]) {
    try {
      execFileSync(
        "apt-get",
        args[0] === "update" ? ["update"] : [...args, "-y", "--no-install-recommends", packageName],
        {
          stdio: "pipe",
          timeout: INSTALL_MS,
          env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
        },
      );
      const installed = find();
      if (installed !== undefined) return { path: installed };
    } catch (error) {
      problem = String(error).split("\n")[0] ?? "";
    }
  }
  return { why: `Debian's package ${packageName} is not installed, and cannot be: ${problem}` };
}
