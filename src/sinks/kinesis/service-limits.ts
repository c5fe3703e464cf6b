/**
 * What PutRecords takes, from the API reference of Amazon Kinesis Data Streams
 * (https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html).
 */

export const MAX_RECORDS_PER_CALL = 500;

/** Sum over a call of data and partition keys, in bytes. It was 5 MiB until October 2025. */
export const MAX_CALL_BYTES = 10 * 1024 * 1024;

/** Data and partition key of one record on a stream left at its default, in bytes. */
export const DEFAULT_MAX_RECORD_BYTES = 1024 * 1024;

/** The largest record a stream can be set to take (`MaxRecordSizeInKiB`), in bytes. */
export const MAX_RECORD_BYTES = 10 * 1024 * 1024;

/**
 * Longest partition key. The service speaks of Unicode characters; we count UTF-16
 * units, which is never less strict.
 */
export const MAX_KEY_UNITS = 256;

/** The most UTF-8 bytes a key of `MAX_KEY_UNITS` can have: three for each unit. */
export const MAX_KEY_BYTES = 3 * MAX_KEY_UNITS;

/** A PUT payload unit, the step in which provisioned streams bill each record: 25 KB, counted as KiB by the KPL. */
export const PUT_UNIT_BYTES = 25 * 1024;
