import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** Pages of a shop that uses the SDK: another origin than the collector's. */
export interface SdkSite extends AsyncDisposable {
  readonly origin: string;
  /** Of a page that makes `window.client` with these options. Captures go by their names. */
  page(options: SdkPageOptions): string;
}

interface SdkPageOptions {
  readonly url: string;
  readonly capture?: readonly string[];
  readonly [option: string]: unknown;
}

const PAGE_SCRIPT = `
const options = JSON.parse(decodeURIComponent(location.search.slice(1)));
const capture = (options.capture ?? []).map((name) => millrace[name]);
window.client = millrace.createMillrace({ key: "wk_app", ...options, capture });
let clicks = 0;
document.querySelector("button").addEventListener("click", () => client.track("clicked", { count: ++clicks }));
`;

/**
 * Its pages forbid what a strict page forbids: inline scripts, eval, and scripts and connections anywhere but at the
 * collector. They are isolated, so that `performance.now()` is exact to 5 µs.
 *
 * @param collector origin of the collector that the script is from
 */
export async function startSdkSite(collector: string): Promise<SdkSite> {
  const description = await (await fetch(`${collector}/sdk.json`)).json();
  const { element } = description as { element: string };
  const html = `<!doctype html><html lang="en"><head><title>Shop</title><link rel="icon" href="data:,">
<script src="/before.js"></script>${element.replace("COLLECTOR", collector)}<script src="/page.js" defer></script></head>
<body><h1>Mugs</h1><button>Buy</button></body></html>`;
  const files: Readonly<Record<string, readonly [string, string]>> = {
    "/": ["text/html", html],
    "/before.js": ["text/javascript", "window.globalsBefore = new Set(Object.getOwnPropertyNames(window));"],
    "/page.js": ["text/javascript", PAGE_SCRIPT],
    "/elsewhere": ["text/html", "<!doctype html><title>Elsewhere</title>"],
  };
  const server = createServer((request, response) => {
    const [mediaType, body] = files[request.url?.split("?")[0] ?? ""] ?? [];
    response.writeHead(body === undefined ? 404 : 200, {
      "Content-Type": mediaType ?? "text/plain",
      "Content-Security-Policy": `default-src 'self'; img-src 'self' data:; script-src 'self' ${collector}; connect-src http://127.0.0.1:*`,
      "Cross-Origin-Opener-Policy": "same-origin",
      "Cross-Origin-Embedder-Policy": "require-corp",
    });
    response.end(body);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    origin,
    page: (options) => `${origin}/?${encodeURIComponent(JSON.stringify(options))}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
