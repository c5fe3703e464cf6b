export { decodeRecord, type RecordFormat } from "./decode/decode-record.ts";
export type { DecodedEvent } from "./decode/kpl-aggregate.ts";
export {
  type CallFailure,
  type KinesisFaults,
  REAL_SHARD_LIMITS,
  type RecordFailure,
  type ShardLimits,
} from "./testing/kinesis-faults.ts";
export {
  type KinesisStandIn,
  type KinesisStandInOptions,
  startKinesisStandIn,
  type StandInCall,
  type StandInCounts,
  type StandInRecord,
} from "./testing/kinesis-stand-in.ts";
