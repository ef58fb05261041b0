import { generateKeyPairSync } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { makeFolder, runBuilt, runHere, type Outcome, type ScenarioOptions } from "./scenario.ts";

/** A folder in which steps are carried out; keys lie outside of it, in `keys`. */
export interface LayoutStage {
  readonly folder: string;
  readonly keys: string;
  /** Writes a file of the folder, with its directories. */
  readonly write: (name: string, content: string) => void;
  readonly read: (name: string) => string;
  readonly list: () => readonly string[];
  /** Makes a P-256 pair, `<name>.pem` and `<name>.pub`, beside the folder. */
  readonly makeKey: (name: string) => { readonly secret: string; readonly public: string };
  /** `countersign layout …` in the folder: the built command where it runs another, which writes to its streams. */
  readonly layout: (argv: readonly string[], options?: ScenarioOptions) => Promise<Outcome>;
  readonly close: () => void;
}

/** Sets a stage; close it when done. */
export function setLayoutStage(): LayoutStage {
  const { path, remove } = makeFolder();
  const [folder, keys] = [join(path, "work"), join(path, "keys")];
  mkdirSync(folder);
  mkdirSync(keys);
  return {
    folder,
    keys,
    write: (name, content) => {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), content);
    },
    read: (name) => readFileSync(join(folder, name), "utf8"),
    list: () => readdirSync(folder).toSorted(),
    makeKey: (name) => {
      const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
      const [secret, open] = [join(keys, `${name}.pem`), join(keys, `${name}.pub`)];
      writeFileSync(secret, pair.privateKey.export({ type: "pkcs8", format: "pem" }));
      writeFileSync(open, pair.publicKey.export({ type: "spki", format: "pem" }));
      return { secret, public: open };
    },
    layout: (argv, options = {}) => {
      const run = argv.includes("--") ? runBuilt : runHere;
      const env = { PATH: process.env["PATH"] ?? "", ...options.env };
      return run(["layout", ...argv], { cwd: folder, ...options, env });
    },
    close: remove,
  };
}

/** A stage with sources to record, a folder for links, and two functionaries. */
export interface RunStage extends LayoutStage {
  readonly ada: ReturnType<LayoutStage["makeKey"]>;
  readonly bob: ReturnType<LayoutStage["makeKey"]>;
}

/** Sets a stage on which steps are run; close it when done. */
export function setRunStage(): RunStage {
  const stage = setLayoutStage();
  stage.write("src/a.txt", "hello\n");
  stage.write("src/b.pyc", "left out");
  stage.write("links/.keep", "");
  return { ...stage, ada: stage.makeKey("ada"), bob: stage.makeKey("bob") };
}

/** The signed part of a Metablock. */
export function signedPart(text: string): Readonly<Record<string, unknown>> {
  return (JSON.parse(text) as { readonly signed: Readonly<Record<string, unknown>> }).signed;
}
