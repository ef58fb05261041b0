import { homedir } from "node:os";
import { join } from "node:path";
import { parseJson, quote, readObject, type Detail, type TrustError } from "@countersign/core";
import { cliError } from "../errors.ts";
import { devError } from "../dev-errors.ts";
import { makeDirectory, readSmallFile } from "../input.node.ts";
import type { DevOptions } from "../options.ts";
import { writeAtomic } from "../output.node.ts";
import { formatJson } from "../render-json.ts";
import { shellQuoted } from "../render-text.ts";
import type { Terminal } from "../terminal.ts";

/** `countersign dev up`: runs a local Sigstore until the process is told to stop. */
export async function devUpCommand(
  _operands: readonly string[],
  options: DevOptions,
  terminal: Terminal,
): Promise<number> {
  const { startLocalSigstore } = await import("@countersign/local-sigstore");
  const directory = directoryOf(options, terminal);
  makeDirectory(directory, "directory", 0o700);
  const stopped = untilSignal();
  const sigstore = await startLocalSigstore({ dir: directory, port: options.port ?? 0, now: () => terminal.now() });
  try {
    const { url } = sigstore;
    writeAtomic(join(directory, addressFile), formatJson({ url }));
    terminal.out(
      options.json === true
        ? formatJson({ schema: "countersign.dev/v1", directory, url, issuer: url })
        : welcome(directory, url),
    );
    await stopped;
  } finally {
    await sigstore.close();
  }
  return 0;
}

/** `countersign dev token`: asks the running local Sigstore for a token and prints it. */
export async function devTokenCommand(
  _operands: readonly string[],
  options: DevOptions,
  terminal: Terminal,
): Promise<number> {
  const { subject, email, github, audience } = options;
  if (subject === undefined && email === undefined && github === undefined) throw cliError("CLI_SUBJECT_MISSING");
  const url = readAddress(directoryOf(options, terminal));
  const asked = Object.entries({ subject, email, github, audience }).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value]],
  );
  const token = await ask("GET", `${url}/token?${new URLSearchParams(asked).toString()}`);
  terminal.out(options.json === true ? formatJson({ schema: "countersign.token/v1", token }) : `${token}\n`);
  return 0;
}

/** `countersign dev fault [SERVICE KIND]`: lists, sets or (with `none`) forgets what the running local Sigstore does wrong. */
export async function devFaultCommand(
  operands: readonly string[],
  options: DevOptions,
  terminal: Terminal,
): Promise<number> {
  const url = `${readAddress(directoryOf(options, terminal))}/faults`;
  const answer = await askFault(url, operands);
  terminal.out(
    options.json === true ? formatJson({ schema: "countersign.faults/v1", faults: parseJson(answer) }) : `${answer}\n`,
  );
  return 0;
}

function askFault(url: string, [service, kind]: readonly string[]): Promise<string> {
  if (service === undefined) return ask("GET", url);
  if (kind !== undefined) return ask("POST", url, JSON.stringify({ ...faultDefaults, service, kind }));
  return ask("DELETE", service === "none" ? url : `${url}?${new URLSearchParams({ service }).toString()}`);
}

/** What the faults of the wire need to know. */
const faultDefaults = { status: 500, delayMs: 3000, bytes: 64 * 1024 * 1024, location: "http://127.0.0.1:1/" };

const addressFile = "dev.json";
const timeoutMs = 10_000;

function directoryOf(options: DevOptions, { env }: Terminal): string {
  if (options.dir !== undefined) return options.dir;
  const home = env["XDG_STATE_HOME"] ?? env["LOCALAPPDATA"] ?? join(homedir(), ".local", "state");
  return join(home, "countersign", "dev");
}

function readAddress(directory: string): string {
  const path = join(directory, addressFile);
  const wrong = (detail: Detail): TrustError => devError("CLI_DEV_NOT_RUNNING", detail);
  const reader = readObject(parseJson(readSmallFile(path, "address of the local Sigstore")), quote(path), wrong);
  return reader.string("url");
}

async function ask(method: string, url: string, body?: string): Promise<string> {
  const init = { method, signal: AbortSignal.timeout(timeoutMs), ...(body === undefined ? {} : { body }) };
  const answer = await fetch(url, init).then(
    async (response) => ({ status: response.status, text: await response.text() }),
    (cause: unknown) => Promise.reject(devError("CLI_DEV_NOT_RUNNING", { checked: quote(url) }, cause)),
  );
  if (answer.status >= 300) throw devError("CLI_DEV_REFUSED", { got: `${answer.status} ${quote(answer.text)}` });
  return answer.text.trim();
}

function welcome(directory: string, url: string): string {
  const file = (name: string): string => shellQuoted(join(directory, name));
  const trust = `--trusted-root ${file("trusted_root.json")}`;
  const dir = shellQuoted(directory);
  return `A Sigstore is running at ${url}; its files are in ${directory}. Ctrl-C stops it.

  countersign dev token --dir ${dir} --email me@example.com > token.jwt
  countersign sign FILE --identity-token token.jwt --signing-config ${file("signing_config.json")} ${trust}
  countersign verify FILE ${trust} --certificate-identity me@example.com --certificate-oidc-issuer ${url}
`;
}

/** Resolves when the process is asked to stop; from the first call on, being asked does not kill it. */
function untilSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => resolve());
  });
}
