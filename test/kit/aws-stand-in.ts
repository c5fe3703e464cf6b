import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

export interface StandInCall {
  /** The operation: the target of AWS JSON, or the action of the Query protocol. */
  readonly operation: string;
  readonly body: string;
}

export interface StandInReply {
  readonly status?: number;
  readonly body: object | string;
}

/** Answers calls as a test says, for what the imitations of AWS cannot do: failing in part. */
export interface AwsStandIn extends AsyncDisposable {
  readonly url: string;
  readonly calls: StandInCall[];
  answer: (call: StandInCall) => StandInReply;
}

export async function startAwsStandIn(answer: AwsStandIn["answer"]): Promise<AwsStandIn> {
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const target = request.headers["x-amz-target"];
      const action = new URLSearchParams(target === undefined ? body : "").get("Action");
      const operation = typeof target === "string" ? (target.split(".")[1] ?? "") : (action ?? "");
      const call = { operation, body };
      standIn.calls.push(call);
      const reply = standIn.answer(call);
      response.writeHead(reply.status ?? 200);
      response.end(typeof reply.body === "string" ? reply.body : JSON.stringify(reply.body));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const standIn: AwsStandIn = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls: [],
    answer,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
  return standIn;
}
