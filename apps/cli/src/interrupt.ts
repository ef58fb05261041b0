import { reportFailure } from "./failure.ts";
import { interruptError } from "./interrupt-errors.ts";
import { openTerminal } from "./terminal.ts";

/** What ends a run that somebody, or the machine's own end, interrupts. */
const signals: readonly NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP"];

/** Work that has something to put in order before a signal ends it. */
export interface Interruptible {
  /** Is told of each signal; calls `end` at once, or as soon as nothing would be lost. */
  interrupted(signal: string, end: () => void): void;
  /** The failure, and what had been done before it. */
  unfinished(failure: unknown): unknown;
}

const plainWork: Interruptible = { interrupted: (_, end) => end(), unfinished: (failure) => failure };

/** Runs something that Ctrl-C or another signal may end, which says so then. Files are written synchronously, so none is half there when it does. */
export async function interruptible<T>(work: () => Promise<T>, run: Interruptible = plainWork): Promise<T> {
  const onSignal = (signal: NodeJS.Signals, number: number): void =>
    run.interrupted(signal, () => {
      for (const each of signals) process.off(each, onSignal);
      endBy(signal, 128 + number, run);
    });
  for (const signal of signals) process.on(signal, onSignal);
  try {
    return await work();
  } catch (error) {
    throw run.unfinished(error);
  } finally {
    for (const signal of signals) process.off(signal, onSignal);
  }
}

/** Ends this process by the very signal, which a shell sees as 128 and its number: a script that waits for it stops as well. */
function endBy(signal: NodeJS.Signals, exitCode: number, run: Interruptible): void {
  const failure = run.unfinished(interruptError("CLI_INTERRUPTED", { got: signal }));
  reportFailure(failure, process.argv.slice(2), openTerminal(), exitCode);
  if (process.platform !== "win32") process.kill(process.pid, signal);
  // Windows has no signals, and the first process of a container none that ends it: neither may go on.
  process.exit(exitCode);
}
