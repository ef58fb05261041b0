import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { generateKeyPairSync } from "node:crypto";
import { startLocalSigstore, type LocalSigstore } from "@countersign/local-sigstore";
import { makeFolder, runHere, type Outcome, type ScenarioOptions } from "./scenario.ts";

/** What scenarios need: a folder, a local Sigstore and the flags to use it. */
export interface Stage {
  readonly folder: string;
  readonly sigstore: LocalSigstore;
  /** Of the token `token.jwt` in the folder. */
  readonly identity: string;
  readonly trust: readonly string[];
  readonly signing: readonly string[];
  readonly expected: readonly string[];
  readonly path: (name: string) => string;
  readonly write: (name: string, content: string | Uint8Array) => string;
  /** Makes a P-256 pair as `<name>.pem` and `<name>.pub`. */
  /** Writes a key pair: on P-256, or of another kind. */
  readonly makeKey: (name: string, kind?: "ed25519") => { readonly secret: string; readonly public: string };
  readonly run: (argv: readonly string[], options?: ScenarioOptions) => Promise<Outcome>;
  /** Writes a file and signs it keyless; returns its path. */
  readonly sign: (name: string, content?: string) => Promise<string>;
  readonly close: () => Promise<void>;
}

/** Sets a stage; close it when done. */
export async function setStage(): Promise<Stage> {
  const { path: folder, remove } = makeFolder();
  const sigstore = await startLocalSigstore({ dir: join(folder, "sigstore") });
  const identity = "releases@example.com";
  const path = (name: string): string => join(folder, name);
  const write = (name: string, content: string | Uint8Array): string => {
    writeFileSync(path(name), content);
    return path(name);
  };
  write("token.jwt", await sigstore.token({ email: identity }));
  const trust = ["--trusted-root", path("sigstore/trusted_root.json")];
  const signing = ["--signing-config", path("sigstore/signing_config.json"), ...trust];
  const sign = async (name: string, content = "hello"): Promise<string> => {
    const file = write(name, content);
    const { code, stderr } = await runHere(["sign", file, "--identity-token", path("token.jwt"), ...signing]);
    if (code !== 0) throw new Error(stderr);
    return file;
  };
  return {
    folder,
    sigstore,
    identity,
    trust,
    signing,
    expected: ["--certificate-identity", identity, "--certificate-oidc-issuer", sigstore.url],
    path,
    write,
    makeKey: (name, kind) => writeKey(name, kind, write),
    run: runHere,
    sign,
    close: async () => {
      await sigstore.close();
      remove();
    },
  };
}

function writeKey(name: string, kind: "ed25519" | undefined, write: Stage["write"]): ReturnType<Stage["makeKey"]> {
  const pair = kind === undefined ? generateKeyPairSync("ec", { namedCurve: "P-256" }) : generateKeyPairSync(kind);
  const secret = write(`${name}.pem`, pair.privateKey.export({ type: "pkcs8", format: "pem" }));
  return { secret, public: write(`${name}.pub`, pair.publicKey.export({ type: "spki", format: "pem" })) };
}

/** The JSON that a command printed. */
export function parsed(outcome: Outcome): Record<string, unknown> {
  return JSON.parse(outcome.stdout) as Record<string, unknown>;
}

/** A file's text. */
export function textOf(path: string): string {
  return readFileSync(path, "utf8");
}
