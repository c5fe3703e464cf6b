/** What a command's exit code says. Documented by `millrace --help`; scripts rely on them. */
export const EXIT = {
  ok: 0,
  /** The command ran, and what it was to do or to check failed. */
  failed: 1,
  /** The command line makes no sense. */
  usage: 2,
  /** The configuration, or something it names, is missing or not valid. */
  configInvalid: 3,
  /** Stopped by a signal before it was through; it can go on from there. */
  interrupted: 4,
  /** What was looked for is nowhere. */
  notFound: 5,
} as const;

export const EXIT_CODES_HELP = `
Exit codes:
  0  done; of start and dev: everything acknowledged was delivered or is safe in the journal
  1  failed; of start and dev: the drain was cut short, or acknowledged events were lost
  2  the command line makes no sense
  3  the configuration, or a schema or filter it names, is missing or not valid
  4  of replay: stopped before it was through; it can go on from there
  5  of find: the event is nowhere
`;
