import { parseUtf8, quote } from "@countersign/core";
import type { AskPassword, TellSlow } from "@countersign/sigstore/node";
import { isAnybodyThere } from "./ci.ts";
import { cliError } from "./errors.ts";
import { readSmallFile } from "./input.node.ts";
import type { OutputOptions, PasswordOptions } from "./options.ts";
import { formatNote } from "./render-text.ts";
import type { Terminal } from "./terminal.ts";

/** The variables that may hold a password, the first that is set counts; one that is set and empty is the empty password. */
const passwordVariables: readonly string[] = ["COUNTERSIGN_PASSWORD", "COSIGN_PASSWORD"];

/** All variables that open a key that is here: nothing that a signing command starts needs them. */
export const secretVariables: readonly string[] = [...passwordVariables, "COUNTERSIGN_PKCS11_PIN", "COSIGN_PKCS11_PIN"];

/** The longest password that is read from a file, in bytes. */
export const maxPasswordBytes: number = 64 * 1024;

/** How passwords are found: the file named, else the environment, else the person at the terminal, unseen; each asked once a key. */
export function passwordOf(options: PasswordOptions, terminal: Terminal): AskPassword {
  return async (name) => {
    const given = givenPassword(options, terminal);
    if (given !== undefined || !isAnybodyThere(terminal)) return given;
    return terminal.askSecret(`Password of ${quote(name)}: `);
  };
}

/** Says that a key takes long to open, so that nobody takes the silence for a standstill. */
export function slowOf(terminal: Terminal): TellSlow {
  return (name, work) => {
    if (terminal.isQuiet === true) return;
    terminal.err(formatNote(`opening ${quote(name)} takes a while, at most half a minute: ${work}`, terminal));
  };
}

/** The PIN of a token, from the person at the terminal only. */
export function pinOf(terminal: Terminal): AskPassword {
  return async (name) => (isAnybodyThere(terminal) ? terminal.askSecret(`PIN of token ${quote(name)}: `) : undefined);
}

/** A new password: given, or typed twice by a person. Throws CLI_PASSWORD_NEEDED, CLI_PASSWORD_DIFFERS. */
export async function newPassword(options: PasswordOptions & OutputOptions, terminal: Terminal): Promise<string> {
  const given = givenPassword(options, terminal);
  if (given === "" && options.quiet !== true)
    terminal.err(formatNote("the password is empty: whoever reads the key file can sign", terminal));
  if (given !== undefined) return given;
  if (!isAnybodyThere(terminal)) throw cliError("CLI_PASSWORD_NEEDED");
  const first = await terminal.askSecret("New password: ");
  if (first === "") throw cliError("CLI_PASSWORD_NEEDED");
  if (first === (await terminal.askSecret("The same again: "))) return first;
  throw cliError("CLI_PASSWORD_DIFFERS");
}

/** The password of a key that is taken over: of the file given, else as for a new one. */
export async function importPassword(
  options: PasswordOptions & OutputOptions & { readonly newPasswordFile?: string },
  terminal: Terminal,
): Promise<string> {
  if (options.newPasswordFile !== undefined) return readPassword(options.newPasswordFile);
  return newPassword(options, terminal);
}

function givenPassword({ passwordFile }: PasswordOptions, { env }: Terminal): string | undefined {
  if (passwordFile !== undefined) return readPassword(passwordFile);
  return passwordVariables.map((name) => env[name]).find((value) => value !== undefined);
}

/** One newline at the end belongs to the editor, not to the password. */
function readPassword(path: string): string {
  const bytes = readSmallFile(path, "password file", maxPasswordBytes);
  try {
    return parseUtf8(bytes).replace(/\r?\n$/, "");
  } catch {
    throw cliError("CLI_KEY_UNUSABLE", { checked: `password file ${quote(path)}`, got: "no text" });
  }
}
