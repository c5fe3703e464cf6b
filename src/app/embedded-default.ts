import { fileURLToPath } from "node:url";

/** Write key of the sample source. Safe to publish: the embedded default listens on the loopback address only. */
export const SAMPLE_KEY = "wk_sample";

/** The quickstart's configuration, used when there is no configuration file. A file like any other, to copy and change. */
export const embeddedDefaultFile = fileURLToPath(new URL("../../examples/quickstart/millrace.yaml", import.meta.url));
