import { recordOptionsOf } from "./evidence.ts";
import { secretVariables } from "./password.ts";
import type { StepRun } from "@countersign/in-toto/node";
import type { EvidenceOptions } from "./evidence-options.ts";
import type { Terminal } from "./terminal.ts";

/** The step that `layout run` and `layout mock` carry out; with `--json` the command's output goes to standard error. */
export function stepRunOf(
  step: string,
  command: readonly string[],
  options: EvidenceOptions,
  terminal: Terminal,
): StepRun {
  const { env } = terminal;
  const { materials = [], products = [], timeout, passEnv, recordStreams, json } = options;
  const apart = json === true ? ({ output: { stdout: process.stderr, stderr: process.stderr } } as const) : {};
  const pass = json === true ? "pass-to-stderr" : "pass";
  return {
    step,
    command,
    materials,
    products,
    record: recordOptionsOf(options, terminal),
    run: {
      streams: recordStreams === true ? "record" : pass,
      ...apart,
      ...(timeout === undefined ? {} : { timeoutMs: timeout * 1000 }),
      env: chosenVariables(passEnv === undefined ? commonVariables(env) : ["PATH", ...passEnv], env),
    },
  };
}

/** All but the password or PIN of the key that signs the link: a step has no use for it, and may print its environment. */
function commonVariables(env: Terminal["env"]): readonly string[] {
  return Object.keys(env).filter((name) => !secretVariables.includes(name));
}

function chosenVariables(names: readonly string[], env: Terminal["env"]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    names.map((name) => [name, env[name]]).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}
