import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { build } from "esbuild";

/** A page of an origin of its own. */
export interface WebPage extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`. */
  readonly origin: string;
}

/**
 * Serves a page, at every path.
 *
 * @param html what it holds
 * @param script the name of a module in this folder, which is bundled with all that it imports
 */
export async function serveWebPage(html: string, script?: string): Promise<WebPage> {
  const code = script === undefined ? "" : await bundled(path.join(import.meta.dirname, script));
  const server = createServer((request, reply) => {
    if (request.url === "/script.js")
      reply.writeHead(200, { "content-type": "text/javascript; charset=utf-8" }).end(code);
    else {
      const page = `<!doctype html><meta charset="utf-8"><title>Shop ✓</title><script src="/script.js"></script>${html}`;
      reply.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end(page);
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

async function bundled(file: string): Promise<string> {
  const { outputFiles } = await build({ entryPoints: [file], bundle: true, write: false, format: "iife" });
  return outputFiles[0]?.text ?? "";
}
