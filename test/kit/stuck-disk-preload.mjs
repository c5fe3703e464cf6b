/*
 * Preloaded into a collector's processes: once the file of that name exists, no sync of a file
 * ever ends, as with a file server that is gone.
 */
import fs from "node:fs";

const isStuck = () => fs.existsSync(process.env.TEST_DISK_STUCK ?? "");

/** What is under way keeps a process from ending by itself. */
const goOnForEver = () => setInterval(() => {}, 60_000);

const fdatasync = fs.fdatasync.bind(fs);
fs.fdatasync = (fd, done) => {
  if (isStuck()) goOnForEver();
  else fdatasync(fd, done);
};

const file = await fs.promises.open(process.execPath);
const handle = Object.getPrototypeOf(file);
await file.close();
for (const name of ["sync", "datasync"]) {
  const sync = handle[name];
  handle[name] = function syncUnlessStuck() {
    return isStuck() ? new Promise(goOnForEver) : sync.call(this);
  };
}
