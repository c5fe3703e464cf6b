import assert from "node:assert/strict";
import { Ajv2020, type AnySchemaObject } from "ajv/dist/2020.js";
import { httpConfig } from "./config.ts";
import { openapiDocument } from "./openapi.ts";

interface DescribedResponse {
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly content?: Readonly<Record<string, { readonly schema: AnySchemaObject }>>;
}

/** An answer as a client got it. */
export interface Answer {
  readonly method: string;
  readonly target: string;
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

const document = openapiDocument("0.0.0", httpConfig.parse(undefined));
const ajv = new Ajv2020({ strict: false, validateFormats: false });
ajv.addSchema({ $id: "https://millrace.test/openapi", components: document.components });

/** Headers of HTTP itself and of connections, and those that the description tells of once for all answers. */
const EVERYWHERE =
  /^(date|connection|keep-alive|content-(length|type)|cache-control|vary|x-content-type-options|access-control-.*)$/;

/**
 * Fails unless the OpenAPI document has the answer: its status, its headers, its media
 * type, and a schema that its body fits. True when the document has the operation at all.
 */
export function isDescribed({ method, target, status, headers, body }: Answer): boolean {
  const paths: Readonly<Record<string, Readonly<Record<string, { readonly responses: object }>>>> = document.paths;
  const path = Object.keys(paths).find((template) => patternOf(template).test(target.split("?", 1)[0] ?? ""));
  const operation = paths[path ?? ""]?.[method.toLowerCase()];
  if (operation === undefined) return false;
  const responses: Readonly<Record<string, DescribedResponse>> = { ...operation.responses };
  const response = responses[status];
  assert(response !== undefined, `${method} ${path} is described with the status ${status}`);
  const known = new Set(Object.keys(response.headers ?? {}).map((name) => name.toLowerCase()));
  const unknown = [...headers.keys()].filter((name) => !known.has(name) && !EVERYWHERE.test(name));
  assert.deepEqual(unknown, [], `headers of ${method} ${path} with status ${status} that are not described`);
  if (body === "") return true;
  const schema = response.content?.[headers.get("content-type") ?? ""]?.schema;
  assert(schema !== undefined, `${method} ${path} with status ${status} has a body of the described media type`);
  const validate = ajv.compile(
    JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"https://millrace.test/openapi#/')),
  );
  assert(validate(JSON.parse(body)), `${body} is as described: ${ajv.errorsText(validate.errors)}`);
  return true;
}

function patternOf(template: string): RegExp {
  return new RegExp(`^${template.replaceAll(/\{\w+\}/g, "[^/]+")}$`);
}
