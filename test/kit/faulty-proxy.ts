import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";
import { buffer } from "node:stream/consumers";

/**
 * What becomes of a request: `pass`; `hang`; the connection is cut, before the server has the
 * request or after it has answered; or it is answered here.
 */
export type Fault =
  | "pass"
  | "hang"
  | "reset-before"
  | "reset-after"
  | { readonly status: number; readonly body?: string; readonly headers?: Readonly<Record<string, string>> };

export interface ProxiedRequest {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
}

/** Stands before an HTTP server, and does to each request what `faultOf` says. */
export class FaultyProxy implements AsyncDisposable {
  readonly #server: Server;
  readonly #target: URL;
  readonly requests: ProxiedRequest[] = [];
  faultOf: (request: ProxiedRequest) => Fault = () => "pass";

  private constructor(target: string) {
    this.#target = new URL(target);
    this.#server = createServer((incoming, response) => {
      this.#serve(incoming, response).catch(() => response.destroy());
    });
  }

  static async open(target: string): Promise<FaultyProxy> {
    const proxy = new FaultyProxy(target);
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    return proxy;
  }

  get url(): string {
    const address = this.#server.address();
    assert(typeof address === "object" && address !== null);
    return `http://127.0.0.1:${address.port}`;
  }

  async #serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "", url: path = "", headers } = incoming;
    const proxied = { method, path, headers };
    this.requests.push(proxied);
    const fault = this.faultOf(proxied);
    const body = await buffer(incoming);
    if (fault === "hang") return;
    if (fault === "reset-before") return void response.destroy();
    if (typeof fault === "object") {
      response.writeHead(fault.status, fault.headers).end(fault.body);
      return;
    }
    const { hostname, port } = this.#target;
    // The host is part of what was signed, and the server may look at it.
    const outgoing = request({ hostname, port, method, path, headers }).end(body);
    const [reply] = (await once(outgoing, "response")) as [IncomingMessage];
    const replyBody = await buffer(reply);
    if (fault === "reset-after") return void response.destroy();
    response.writeHead(reply.statusCode ?? 502, reply.headers).end(replyBody);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }
}
