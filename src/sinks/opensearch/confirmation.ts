const ITEM = Buffer.from('{"create":{');
const CREATED = Buffer.from('"status":201');
const END = Buffer.from("]}");

/** What stands before the items when nothing failed, in the orders in which servers write it. */
const ALL_WELL = /^\{(?:"took":\d+,)?(?:"ingest_took":\d+,)?"errors":false,"items":\[/;
const MAX_HEAD_BYTES = 100;

/**
 * Whether the reply to `_bulk` says that all of `count` documents were created, told without parsing it.
 *
 * False only means that it has to be parsed. True is safe: what is counted cannot be
 * within a string, where its quotes would be escaped.
 */
export function confirmsAll(body: Buffer, count: number): boolean {
  if (!ALL_WELL.test(body.toString("latin1", 0, MAX_HEAD_BYTES))) return false;
  if (body.compare(END, 0, END.length, body.length - END.length) !== 0) return false;
  return occurrences(ITEM, body) === count && occurrences(CREATED, body) === count;
}

function occurrences(pattern: Buffer, body: Buffer): number {
  let found = 0;
  for (let at = body.indexOf(pattern); at !== -1; at = body.indexOf(pattern, at + pattern.length)) found++;
  return found;
}
