import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Whether GnuPG is here. */
export const hasGpg: boolean = spawnSync("gpg", ["--version"]).status === 0;

/** A keyring of its own, with keys that have no passphrase. */
export interface Keyring {
  readonly home: string;
  /** Runs gpg on it; what it wrote. */
  gpg(argv: readonly string[], input?: string | Uint8Array): Buffer;
  /** Makes a key of an algorithm (`rsa2048`, `ed25519`, `dsa2048`); its fingerprint. */
  make(name: string, algorithm: string, usage?: string): string;
  /** Adds a subkey that signs; its fingerprint. */
  add(fingerprint: string, algorithm: string, expires?: string): string;
  close(): void;
}

/** Makes a keyring below a folder whose path must be short: the agent's socket lies in it. */
export function makeKeyring(): Keyring {
  const home = mkdtempSync("/tmp/cs-gpg-");
  writeFileSync(join(home, "gpg.conf"), "pinentry-mode loopback\n");
  const gpg = (argv: readonly string[], input: string | Uint8Array = ""): Buffer => {
    const words = ["--homedir", home, "--batch", "--yes", "--no-tty", "--quiet", "--passphrase", "", ...argv];
    const { status, stdout, stderr } = spawnSync("gpg", words, { input });
    if (status !== 0) throw new Error(`gpg ${argv.join(" ")}: ${stderr.toString("utf8")}`);
    return stdout;
  };
  const fingerprints = (of: string): readonly string[] =>
    gpg(["--with-colons", "--list-keys", of])
      .toString("utf8")
      .split("\n")
      .filter((line) => line.startsWith("fpr:"))
      .map((line) => line.split(":")[9]?.toLowerCase() ?? "");
  return {
    home,
    gpg,
    make: (name, algorithm, usage = "sign,cert") => {
      gpg(["--quick-generate-key", `${name} <${name}@example.com>`, algorithm, usage, "never"]);
      return fingerprints(`${name}@example.com`)[0] ?? "";
    },
    add: (fingerprint, algorithm, expires = "never") => {
      gpg(["--quick-add-key", fingerprint, algorithm, "sign", expires]);
      return fingerprints(fingerprint).at(-1) ?? "";
    },
    close: () => {
      spawnSync("gpgconf", ["--homedir", home, "--kill", "all"]);
      rmSync(home, { recursive: true, force: true });
    },
  };
}
