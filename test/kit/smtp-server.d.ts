// The package has no types of its own; this is what the tests use of it.
declare module "smtp-server" {
  import type { Server } from "node:net";
  import type { Readable } from "node:stream";

  export interface SMTPServerOptions {
    readonly disabledCommands?: readonly string[];
    readonly authOptional?: boolean;
    readonly allowInsecureAuth?: boolean;
    onAuth?(
      auth: { readonly username?: string; readonly password?: string },
      session: unknown,
      done: (error: Error | null, user?: { user: string }) => void,
    ): void;
    onData(stream: Readable, session: unknown, done: (error?: Error | null) => void): void;
  }

  export class SMTPServer {
    constructor(options: SMTPServerOptions);
    readonly server: Server;
    listen(port: number, host: string, listening: () => void): void;
    close(closed: () => void): void;
    on(event: "error", listener: (error: Error) => void): this;
  }
}
