import { z } from "zod";

export const schemasConfig = z
  .strictObject({
    dir: z
      .string()
      .min(1)
      .optional()
      .describe(
        "Directory of JSON Schemas: `<event type>.json` or `<event type>/<version>.json`. Default: no schemas.",
      ),
    expose: z
      .boolean()
      .default(true)
      .describe("Serve the schemas at `/v1/schemas/TYPE` without a key, so that the links in validation errors work."),
  })
  .prefault({});

export type SchemasConfig = z.infer<typeof schemasConfig>;
