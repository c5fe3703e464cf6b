// Makes what is published of the SDK for browsers, beside what tsc has written: the script that collectors serve, and
// web-vitals within the module that uses it, so that who installs the package needs nothing else.
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { build } from "esbuild";
import { bundleBrowserSdk, WEB_VITALS_NOTICE } from "../src/app/browser-sdk-script.ts";

const root = path.dirname(import.meta.dirname);
const dist = path.join(root, "dist/browser");

await writeFile(path.join(dist, "sdk.js"), await bundleBrowserSdk());
await build({
  entryPoints: [path.join(root, "src/browser/web-vitals.ts")],
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  banner: { js: WEB_VITALS_NOTICE },
  outfile: path.join(dist, "web-vitals.js"),
  plugins: [
    {
      // Ours stays a module of its own, which the other captures share.
      name: "endings of built modules",
      setup(setup) {
        setup.onResolve({ filter: /^\.\/capture\.ts$/ }, () => ({ path: "./capture.js", external: true }));
      },
    },
  ],
});
