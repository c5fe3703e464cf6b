import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { gunzipSync } from "node:zlib";

export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** After decompression. */
  readonly body: string;
}

export interface StandInAnswer {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Record<string, string>;
}

export interface SearchStandIn extends AsyncDisposable {
  readonly url: string;
  readonly requests: SeenRequest[];
  answer: (request: SeenRequest) => StandInAnswer;
}

/** A server that records what it is asked and answers what a test says, for what no real one can be had for. */
export async function startSearchStandIn(answer: SearchStandIn["answer"] = createsAll): Promise<SearchStandIn> {
  const requests: SeenRequest[] = [];
  const server = createServer((request, response) => {
    void (async () => {
      const raw = await buffer(request);
      const body = request.headers["content-encoding"] === "gzip" ? gunzipSync(raw) : raw;
      const { method = "", url = "", headers } = request;
      const seen = { method, path: url, headers, body: body.toString() };
      requests.push(seen);
      const { status, body: reply, headers: more } = standIn.answer(seen);
      response.writeHead(status, { "content-type": "application/json", ...more }).end(JSON.stringify(reply));
    })();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const standIn: SearchStandIn = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    answer,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
  return standIn;
}

/** The answer of a server on which nothing fails. */
export function createsAll({ body }: SeenRequest): StandInAnswer {
  const ids = body
    .split("\n")
    .filter((line) => line.startsWith('{"create":'))
    .map((line) => (JSON.parse(line) as { create: { _id?: string } }).create._id ?? "made");
  const items = ids.map((_id) => ({ create: { _index: "events", _id, status: 201 } }));
  return { status: 200, body: { took: 1, errors: false, items } };
}
