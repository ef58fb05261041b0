/** What a shell expects of a command that Ctrl-C ended. */
const interrupted = 130;

/** Runs something that Ctrl-C may end. Files are written synchronously, so none is half there when it does. */
export async function interruptible<T>(work: () => Promise<T>): Promise<T> {
  process.once("SIGINT", interrupt);
  try {
    return await work();
  } finally {
    process.off("SIGINT", interrupt);
  }
}

function interrupt(): void {
  process.exit(interrupted);
}
