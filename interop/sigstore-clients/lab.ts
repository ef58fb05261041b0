import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startLocalSigstore } from "@countersign/local-sigstore";

/** What a program came to. */
export interface Ran {
  readonly code: number | null;
  /** Everything it printed. */
  readonly text: string;
}

/** A local Sigstore, its files, and programs that use it. */
export interface Lab {
  readonly url: string;
  readonly identity: string;
  readonly path: (name: string) => string;
  readonly write: (name: string, content: string) => string;
  /** A fresh token of `identity`. */
  readonly token: () => Promise<string>;
  /** Runs a program to its end, with nothing of ours in its home. */
  readonly run: (program: string, ...argv: readonly string[]) => Promise<Ran>;
  /** Runs the built command. */
  readonly ours: (...argv: readonly string[]) => Promise<Ran>;
  readonly trust: readonly string[];
  /** How we sign without a key. */
  readonly keyless: () => Promise<readonly string[]>;
  /** How cosign and we are told whose signature counts. */
  readonly expected: readonly string[];
  readonly signing: readonly string[];
  readonly close: () => Promise<void>;
}

const command = fileURLToPath(new URL("../../apps/cli/dist/main.js", import.meta.url));
/** The password of every key file here. */
export const password = "correct horse";

/** Opens a lab; close it when done. */
export async function openLab(): Promise<Lab> {
  const folder = mkdtempSync(join(tmpdir(), "countersign-clients-"));
  const path = (name: string): string => join(folder, name);
  const write = (name: string, content: string): string => {
    writeFileSync(path(name), content);
    return path(name);
  };
  const sigstore = await startLocalSigstore({ dir: path("sigstore") });
  const identity = "releases@example.com";
  const { trustedRoot, signingConfig } = sigstore;
  const mediaType = "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json";
  write("trust_config.json", JSON.stringify({ mediaType, trustedRoot, signingConfig }));
  const { run, ours } = runnerIn(folder);
  const trust = ["--trusted-root", path("sigstore/trusted_root.json")];
  const signing = ["--signing-config", path("sigstore/signing_config.json"), ...trust, "--yes"];
  const token = (): Promise<string> => sigstore.token({ email: identity });
  return {
    url: sigstore.url,
    identity,
    path,
    write,
    token,
    run,
    ours,
    trust,
    signing,
    keyless: async () => [...signing, "--identity-token", write("token.jwt", await token())],
    expected: ["--certificate-identity", identity, "--certificate-oidc-issuer", sigstore.url],
    close: async () => {
      await sigstore.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Runs our command, which was built. */
export type Run = (...argv: readonly string[]) => Promise<Ran>;

/** Runs programs in a folder that is also their home, and our own. */
export function runnerIn(folder: string): Pick<Lab, "run" | "ours"> {
  const env = { PATH: process.env["PATH"] ?? "", HOME: folder, COSIGN_PASSWORD: password };
  const run: Lab["run"] = (program, ...argv) => runProgram(program, argv, folder, env);
  return { run, ours: (...argv) => run(process.execPath, command, ...argv) };
}

/** Makes `k.key`, encrypted, and `k.pub`. */
export async function makeKeys(lab: Lab): Promise<void> {
  const { code, text } = await lab.ours("key", "generate", "--output", lab.path("k"));
  if (code !== 0) throw new Error(text);
}

/** The services live in this process, so nothing here may wait synchronously. */
function runProgram(
  program: string,
  argv: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>>,
): Promise<Ran> {
  return new Promise((resolve) => {
    const child = spawn(program, argv, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
    let text = "";
    const add = (piece: Buffer): void => void (text += piece.toString("utf8"));
    child.stdout.on("data", add);
    child.stderr.on("data", add);
    child.once("error", (error) => resolve({ code: null, text: error.message }));
    child.once("close", (code) => resolve({ code, text }));
  });
}
