/**
 * What Amazon S3 takes, from its documentation
 * (https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html for uploads,
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html for keys,
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html for tags,
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html
 * for transitions).
 */

const MIB = 1024 ** 2;

/** Least size of a part of a multipart upload, but for the last, in bytes. */
export const MIN_PART_BYTES = 5 * MIB;

/** Longest key, in bytes of UTF-8. Ours are ASCII. */
export const MAX_KEY_BYTES = 1024;

export const MAX_TAGS = 10;

/** Objects younger than this are not moved to the infrequent-access classes, in days. */
export const MIN_INFREQUENT_ACCESS_DAYS = 30;

/**
 * Our own limit on a batch, in bytes before compression. S3 takes 5 GB in one request, but a batch
 * lies in memory until it is stored.
 */
export const MAX_BATCH_BYTES = 256 * MIB;

/** Our own limit on the events of a batch: half of what a pipeline holds. */
export const MAX_BATCH_EVENTS = 131_072;
