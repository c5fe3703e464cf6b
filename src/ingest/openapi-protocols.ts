import { PROTOCOLS } from "./protocols/all-protocols.ts";
import type { Protocol, ProtocolEndpoint } from "./protocols/protocol.ts";

const WITH_KEY = [{ bearer: [] }, { basic: [] }, { header: [] }, { query: [] }];

/** The paths of the protocols that others have defined: what is read there is theirs to describe. */
export function protocolPaths() {
  const others = PROTOCOLS.filter(({ name }) => name !== "native");
  return Object.fromEntries(
    others.flatMap((protocol) => protocol.endpoints.map((endpoint) => [endpoint.path, pathItem(protocol, endpoint)])),
  );
}

function pathItem({ name }: Protocol, endpoint: ProtocolEndpoint) {
  const { path, methods, mediaTypes, problemForm } = endpoint;
  const operation = (method: string) => ({
    operationId: `${method.toLowerCase()}${path.replaceAll(/[^A-Za-z0-9]+(.?)/g, (_, next: string) => next.toUpperCase())}`,
    tags: ["events"],
    summary: `Send events in the protocol ${name}.`,
    security: endpoint.keyIn === undefined ? WITH_KEY : [...WITH_KEY, {}],
    ...(method === "POST" && {
      requestBody: { content: Object.fromEntries(mediaTypes.map((type) => [type, {}])) },
    }),
    responses: {
      "2XX": { description: "Taken, as far as the acknowledgement level promises, in the words of the protocol." },
      default: {
        description: `Refused, for the same reasons as on /v1/events, ${problemForm === undefined ? "and in the same form" : "in the form of the protocol"}.`,
      },
    },
  });
  return Object.fromEntries(methods.map((method) => [method.toLowerCase(), operation(method)]));
}
