import { text } from "node:stream/consumers";
import { SMTPServer } from "smtp-server";
import { freePort } from "./free-port.ts";

/** An SMTP server that others wrote, which keeps what it gets. */
export interface MailServer extends AsyncDisposable {
  readonly port: number;
  /** The mails as they came, headers first. */
  readonly mails: readonly string[];
  up(): Promise<void>;
  down(): Promise<void>;
}

/** @param password what a sender must log in with as `millrace`; default: nobody logs in */
export async function startMailServer(password?: string): Promise<MailServer> {
  const port = await freePort();
  const mails: string[] = [];
  let server: SMTPServer | undefined;
  const mailServer: MailServer = {
    port,
    mails,
    async up() {
      server = new SMTPServer({
        disabledCommands: password === undefined ? ["STARTTLS", "AUTH"] : ["STARTTLS"],
        authOptional: password === undefined,
        allowInsecureAuth: true,
        onAuth(auth, _session, done) {
          const isRight = auth.username === "millrace" && auth.password === password;
          done(isRight ? null : new Error("the password is wrong"), { user: "millrace" });
        },
        onData(stream, _session, done) {
          text(stream).then(
            (mail) => {
              mails.push(mail);
              done();
            },
            (error: unknown) => done(error instanceof Error ? error : new Error(String(error))),
          );
        },
      });
      // A client that goes away is no failure of the test.
      server.on("error", () => {});
      const listening = Promise.withResolvers<void>();
      server.listen(port, "127.0.0.1", listening.resolve);
      await listening.promise;
    },
    async down() {
      const closed = Promise.withResolvers<void>();
      if (server === undefined) closed.resolve();
      else server.close(closed.resolve);
      server = undefined;
      await closed.promise;
    },
    [Symbol.asyncDispose]: () => mailServer.down(),
  };
  await mailServer.up();
  return mailServer;
}
