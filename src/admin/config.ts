import { z } from "zod";

export const adminConfig = z
  .strictObject({
    host: z
      .string()
      .min(1)
      .default("127.0.0.1")
      .describe("Address of the admin port. It has no authentication: keep it private."),
    port: z
      .int()
      .min(0)
      .max(65_535)
      .default(9090)
      .describe("Port for health, metrics and the ledger. 0: any free port."),
  })
  .prefault({});

export type AdminConfig = z.infer<typeof adminConfig>;
