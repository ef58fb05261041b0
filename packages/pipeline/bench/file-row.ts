import { randomBytes } from "node:crypto";
import { closeSync, createReadStream, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { digestStream } from "@countersign/core";
import { signFile, verifyArguments } from "./corpus-file.ts";
import { repeated, turned, type Patience } from "./measure.ts";
import { leavePeak, readPeakMb } from "./peak.ts";
import { command } from "./process-row.ts";
import { run, runNode } from "./process.ts";

/** Milliseconds for the whole file, and the command's most memory in megabytes. */
export interface FileRound {
  readonly verify: number;
  readonly openssl: number;
  readonly maxRssMb: number;
}

const blockBytes = 16 * 1024 * 1024;

/** Verifies one large file by turns with OpenSSL hashing it. It is written in full, not sparse, and stands in the page cache. */
export async function measureFile(
  folder: string,
  megabytes: number,
  patience: Patience,
): Promise<readonly FileRound[]> {
  const path = join(folder, "large.bin");
  try {
    writeBlocks(path, megabytes * 1024 * 1024);
    // Reading it here warms the page cache for both.
    const { digests } = await digestStream(createReadStream(path), { name: path, hashes: ["sha256"] });
    const [digest] = digests;
    if (digest === undefined) throw new Error("no digest");
    const args = [...leavePeak(folder), command, ...verifyArguments(await signFile(folder, path, digest))];
    const contenders: readonly [keyof FileRound, () => number][] = [
      ["openssl", () => run("openssl", ["dgst", "-sha256", path]).ms],
      ["verify", () => runNode(args).ms],
    ];
    return await repeated(
      patience,
      (index) => {
        const round = { verify: 0, openssl: 0, maxRssMb: 0 };
        for (const [name, time] of turned(contenders, index)) round[name] = time();
        return Promise.resolve({ ...round, maxRssMb: readPeakMb(folder) });
      },
      (round) => round.verify / round.openssl,
    );
  } finally {
    rmSync(path, { force: true });
  }
}

/** Random blocks, each written at once: nothing in it can be skipped or deduplicated by a file system. */
function writeBlocks(path: string, bytes: number): void {
  const block = randomBytes(Math.min(blockBytes, bytes));
  const fd = openSync(path, "w");
  try {
    for (let written = 0; written < bytes; written += block.length) {
      block.writeBigUInt64BE(BigInt(written));
      writeSync(fd, block);
    }
  } finally {
    closeSync(fd);
  }
}
