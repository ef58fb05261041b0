import type { ReadStream } from "node:tty";

/** What a line of secret text came to: its text, or that the person gave up (Ctrl-C). */
type Outcome = { readonly text: string } | "interrupted";

/** Asks on standard error and reads a line from the terminal without showing it. Ctrl-C ends the process as it always does. */
export async function askHidden(question: string, input: ReadStream, say: (text: string) => void): Promise<string> {
  input.setRawMode(true);
  try {
    say(question);
    const outcome = await readHidden(input);
    if (outcome !== "interrupted") return outcome.text;
  } finally {
    input.setRawMode(false);
    input.pause();
    say("\n");
  }
  process.kill(process.pid, "SIGINT");
  return new Promise(() => {});
}

function readHidden(input: ReadStream): Promise<Outcome> {
  return new Promise((resolve) => {
    let text = "";
    const read = (chunk: string): void => {
      for (const char of chunk) {
        const outcome = char === "\u0003" ? "interrupted" : isEnd(char) ? { text } : undefined;
        if (outcome !== undefined) {
          input.off("data", read);
          resolve(outcome);
          return;
        }
        text = isErase(char) ? text.replace(/.$/su, "") : text + char;
      }
    };
    input.setEncoding("utf8").on("data", read).resume();
  });
}

function isEnd(char: string): boolean {
  return char === "\r" || char === "\n" || char === "\u0004";
}

function isErase(char: string): boolean {
  return char === "\u007f" || char === "\b";
}
