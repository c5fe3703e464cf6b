import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

export interface TakenRequest {
  readonly atMs: number;
  /** What its URL says was dropped. */
  readonly dropped: string | null;
  readonly events: readonly { readonly id: string; readonly type: string }[];
}

/** What a request is answered, or `silence`: it gets no answer for as long as the server lives. */
export type ScriptedAnswer = { readonly status: number; readonly headers?: Record<string, string> } | "silence";

/** Answers events as a test says, to see what a client does about answers that a collector seldom gives. */
export async function startScriptedCollector(): Promise<
  AsyncDisposable & {
    readonly origin: string;
    readonly requests: TakenRequest[];
    answer: (request: TakenRequest) => ScriptedAnswer;
  }
> {
  const requests: TakenRequest[] = [];
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const dropped = new URL(request.url ?? "", "http://localhost").searchParams.get("dropped");
      const taken = { atMs: Date.now(), dropped, events: JSON.parse(body) as TakenRequest["events"] };
      requests.push(taken);
      const answer = scripted.answer(taken);
      if (answer === "silence") return;
      const cors = { "Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "Retry-After" };
      response.writeHead(answer.status, { ...cors, ...answer.headers }).end();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const scripted = {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    answer: (_request: TakenRequest): ScriptedAnswer => ({ status: 201 }),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
  return scripted;
}
