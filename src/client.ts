export type {
  ClientAck,
  ClientCounts,
  ClientEvent,
  ClientOptions,
  ClientProblem,
  EventProblem,
  RejectedEvent,
  TrackArguments,
  TrackOptions,
} from "./client/client-options.ts";
export { type Client, type CloseReport, createClient, QueueFullError } from "./client/create-client.ts";
export type { DropReason } from "./client/loss-report.ts";
