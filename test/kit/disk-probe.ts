/** Asked by a message, tells how each call of the journal's disk goes. Its file was opened when nothing was broken yet. */
import { join } from "node:path";
import { errorCode, nodeDisk } from "../../src/journal/disk.ts";

const [, , slot = ""] = process.argv;
const file = nodeDisk.createSync(join(slot, "segment"));

async function outcomeOf(call: () => unknown): Promise<string | undefined> {
  try {
    await call();
    return "ok";
  } catch (error) {
    return errorCode(error);
  }
}

process.on("message", () => void answer());
process.on("disconnect", () => process.exit());

async function answer(): Promise<void> {
  process.send?.({
    create: await outcomeOf(() => nodeDisk.createSync(join(slot, "another"))),
    write: await outcomeOf(() => file.writeSync(Buffer.from("bytes"), 0)),
    sync: await outcomeOf(() => file.datasync()),
    truncate: await outcomeOf(() => nodeDisk.truncate(join(slot, "segment"), 0)),
    syncDirectory: await outcomeOf(() => nodeDisk.syncDirectory(slot)),
  });
}
