export { createHandler, type Handler, type HandlerOptions } from "./lambda/create-handler.ts";
export type { BatchResponse } from "./lambda/batch-response.ts";
export type { ItemIdentifier, StreamEvent } from "./lambda/source-record.ts";
