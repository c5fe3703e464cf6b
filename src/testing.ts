export { decodeRecord, type DecodedEvent, type RecordFormat } from "./testing/decode-records.ts";
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
