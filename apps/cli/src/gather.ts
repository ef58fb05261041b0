import type { Terminal } from "./terminal.ts";

/** How long a line may wait for others to be written with, in milliseconds: too short for a person to see. */
const gatherMs = 20;
/** How much waits at most, in characters. */
const gatherLength = 64 * 1024;

/** A terminal whose output may wait for a moment; `flush` writes what waits. */
export interface GatheringTerminal extends Terminal {
  readonly flush: () => void;
}

/**
 * The same terminal, for whoever writes thousands of lines: what comes after a pause is written at once, what follows closely is
 * written together, at the latest 20 ms later, in the order it came in. Each write would wake the reader of a pipe, which takes its
 * time from the same cores. Whoever is done, or fails, must `flush`.
 */
export function gather(terminal: Terminal): GatheringTerminal {
  let waiting: { readonly to: "out" | "err"; text: string }[] = [];
  let length = 0;
  let writtenMs = Number.NEGATIVE_INFINITY;
  let timer: NodeJS.Timeout | undefined;
  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    const pieces = waiting;
    [waiting, length, writtenMs] = [[], 0, terminal.now().getTime()];
    for (const { to, text } of pieces) terminal[to](text);
  };
  const add = (to: "out" | "err", text: string): void => {
    const last = waiting.at(-1);
    if (last?.to === to) last.text += text;
    else waiting.push({ to, text });
    length += text.length;
    if (length >= gatherLength || terminal.now().getTime() - writtenMs >= gatherMs) flush();
    else timer ??= setTimeout(flush, gatherMs);
  };
  return {
    ...terminal,
    flush,
    err: (text) => add("err", text),
    out(data) {
      if (typeof data === "string") return add("out", data);
      flush();
      terminal.out(data);
    },
  };
}
