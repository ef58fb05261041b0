import { reportFailure } from "./failure.ts";
import { interruptError } from "./interrupt-errors.ts";
import { openTerminal } from "./terminal.ts";

/** What ends a run that somebody, or the machine's own end, interrupts. */
const signals: readonly NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP"];

/** Runs something that Ctrl-C or another signal may end, which says so then. Files are written synchronously, so none is half there when it does. */
export async function interruptible<T>(work: () => Promise<T>): Promise<T> {
  for (const signal of signals) process.once(signal, interrupt);
  try {
    return await work();
  } finally {
    for (const signal of signals) process.off(signal, interrupt);
  }
}

/** Ends this process by the very signal, which a shell sees as 128 and its number: a script that waits for it stops as well. */
function interrupt(signal: NodeJS.Signals, number: number): void {
  for (const each of signals) process.off(each, interrupt);
  const exitCode = 128 + number;
  reportFailure(interruptError("CLI_INTERRUPTED", { got: signal }), process.argv.slice(2), openTerminal(), exitCode);
  if (process.platform === "win32") process.exit(exitCode);
  process.kill(process.pid, signal);
}
