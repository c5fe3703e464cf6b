/**
 * A program in the collector's place that starts, ends and shows a ledger as one does, and keeps
 * no promise: it answers every event as its environment says. The oracle has to find it out.
 */
import { readFileSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";

interface Config {
  readonly listen: { readonly port: number };
  readonly admin: { readonly port: number };
}

const config: Config = JSON.parse(readFileSync(process.argv.at(-1) ?? "", "utf8"));
const status = Number(process.env["FIXTURE_STATUS"]);
const body = process.env["FIXTURE_BODY"] ?? "";
/** After so many requests the answer is 503. */
let left = Number(process.env["FIXTURE_REQUESTS"] ?? Number.POSITIVE_INFINITY);

const ADMIN: Readonly<Record<string, string>> = {
  "/v1/workers": "[]",
  "/v1/ledger": '{"balanced":true,"accepted":{},"quarantined":{},"rows":[]}',
  "/metrics": "",
};

listen(config.listen.port, (request, response) => {
  request.resume().on("end", () => response.writeHead(left-- > 0 ? status : 503).end(body));
});
listen(config.admin.port, (request, response) => {
  response.end(ADMIN[request.url ?? ""]);
});
process.on("SIGTERM", () => process.exit(Number(process.env["FIXTURE_EXIT_CODE"] ?? 0)));
process.stdout.write("Millrace is ready\n");

function listen(port: number, serve: RequestListener): void {
  createServer(serve).listen(port, "127.0.0.1");
}
