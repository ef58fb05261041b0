import { randomBytes } from "node:crypto";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { command, megabytesIn, race, rssFile, timed, type Program, type Times } from "./process.ts";

/** What recording took, whole processes. */
export interface RecordTimes {
  readonly times: Times<"countersign" | "openssl">;
  readonly megabytes: number;
}

/** Records files by `countersign layout run`, with the link signed and written, by turns with OpenSSL hashing them. */
export function measureRecord(folder: string, files: number, fileBytes: number, rounds: number): RecordTimes {
  const cwd = join(folder, "record");
  try {
    makeTree(join(cwd, "tree"), files, fileBytes);
    timed({ words: ["openssl", "genpkey", "-algorithm", "ed25519", "-out", "key"], cwd });
    const rss = rssFile(folder);
    const contenders: Readonly<Record<"countersign" | "openssl", Program>> = {
      countersign: {
        words: [process.execPath, command, "layout", "run", "-n", "bench", "-k", "key", "-p", "tree", "--", "true"],
        cwd,
        rss,
      },
      openssl: { words: ["sh", "-c", "find tree -type f -print0 | xargs -0 openssl dgst -sha256 >/dev/null"], cwd },
    };
    // Warms the page cache for both.
    timed(contenders.openssl);
    return { times: race(contenders, rounds), megabytes: megabytesIn(rss) };
  } finally {
    rmSync(cwd, { recursive: true, force: true });
  }
}

function makeTree(root: string, files: number, fileBytes: number): void {
  const block = randomBytes(fileBytes);
  for (let at = 0; at < files; at++) {
    const folder = join(root, `d${at % 100}`);
    if (at < 100) mkdirSync(folder, { recursive: true });
    block.writeUInt32LE(at);
    writeFileSync(join(folder, `f${at}.bin`), block);
  }
}
