import { spawnSync, type SpawnSyncReturns } from "node:child_process";
import { quote, utf8 } from "@countersign/core";
import { inTotoError } from "./errors.ts";
import { maxKeyFileBytes } from "./key-file.ts";
import { isOpenPgpSignature } from "./openpgp.ts";
import { parseOpenPgpFile } from "./openpgp-file.ts";
import { parseDetachedSignature, type IssuedSignature } from "./openpgp-signature.ts";
import type { LayoutKey } from "./key.ts";
import type { OpenPgpSigner } from "./sign.ts";

/** Whose keys, and which program. */
export interface GpgOptions {
  /** Default: `gpg`, found by PATH. */
  readonly program?: string | undefined;
  /** The keyring's directory; default: GnuPG's own. */
  readonly home?: string | undefined;
  /** The whole environment of the program; default: ours. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
}

/** The largest signature that is taken from gpg, in bytes. */
export const maxGpgSignatureBytes: number = 64 * 1024;

/** What the key signs before there is anything to sign. */
const trialMessage = utf8("countersign: which key signs, and does it?\n");

/**
 * Makes ready to sign with a key of GnuPG's keyring, its default key if none is named: signs a short text, reads the public key,
 * and proves that one belongs to the other. The program may ask for a passphrase by its own agent; it waits as long as that takes.
 * Throws INTOTO_GPG_KEYID, INTOTO_GPG_UNAVAILABLE, INTOTO_GPG_FAILED, INTOTO_SIGNATURE_BAD, the errors of `parseDetachedSignature`
 * and `parseOpenPgpFile`.
 */
export function openGpgSigner(keyid: string | undefined, options: GpgOptions = {}): OpenPgpSigner {
  const sign = (message: Uint8Array): IssuedSignature => signWith(keyid, message, options);
  const trial = sign(trialMessage);
  const main = readGpgKey(trial.keyid, options);
  const key = main.keyid === trial.keyid ? main : main.subkeys.get(trial.keyid);
  const isGood = key?.check.kind === "openpgp" && isOpenPgpSignature(key.check.openpgp, trialMessage, trial);
  if (key === undefined || !isGood)
    throw inTotoError("INTOTO_SIGNATURE_BAD", { checked: `OpenPGP key ${quote(trial.keyid)}` });
  return {
    key,
    openpgp: (message) => {
      const made = sign(message);
      if (made.keyid === key.keyid) return made;
      throw inTotoError("INTOTO_GPG_FAILED", { expected: key.keyid, got: made.keyid });
    },
  };
}

/**
 * Reads a public key of GnuPG's keyring with its subkeys, as `parseOpenPgpFile`. The id is 16 or 40 hex digits, of the key or a
 * subkey; a fingerprint of 40 is the one way to name it without doubt. Throws as `openGpgSigner`.
 */
export function readGpgKey(keyid: string, options: GpgOptions = {}): LayoutKey {
  const words = ["--export-options", "no-export-attributes", "--export", checkKeyid(keyid)];
  const bytes = askGpg(words, new Uint8Array(0), { ...options, maxBytes: maxKeyFileBytes });
  if (bytes.length === 0)
    throw inTotoError("INTOTO_GPG_FAILED", { checked: "gpg --export", expected: quote(keyid), got: "no such key" });
  const main = parseOpenPgpFile(bytes);
  const id = keyid.replace(/^0x|!$/g, "").toLowerCase();
  if ([main.keyid, ...main.subkeys.keys()].some((each) => each.endsWith(id))) return main;
  throw inTotoError("INTOTO_GPG_FAILED", { checked: "gpg --export", expected: quote(keyid), got: main.keyid });
}

function signWith(keyid: string | undefined, message: Uint8Array, options: GpgOptions): IssuedSignature {
  const user = keyid === undefined ? [] : ["--local-user", checkKeyid(keyid)];
  const words = ["--no-textmode", "--digest-algo", "SHA256", ...user, "--output", "-", "--detach-sign"];
  return parseDetachedSignature(askGpg(words, message, { ...options, maxBytes: maxGpgSignatureBytes }));
}

/** Shorter ids are made to order in seconds. `!` asks gpg for this very subkey. */
function checkKeyid(keyid: string): string {
  if (/^(?:0x)?(?:[0-9a-fA-F]{16}|[0-9a-fA-F]{40})!?$/.test(keyid)) return keyid;
  throw inTotoError("INTOTO_GPG_KEYID", { got: quote(keyid) });
}

function askGpg(
  words: readonly string[],
  input: Uint8Array,
  { program = "gpg", home, env, maxBytes }: GpgOptions & { readonly maxBytes: number },
): Uint8Array {
  const place = home === undefined ? [] : ["--homedir", home];
  const ended = spawnSync(program, ["--batch", "--no-armor", ...place, ...words], {
    input,
    maxBuffer: maxBytes,
    windowsHide: true,
    ...(env === undefined ? {} : { env: { ...env } }),
  });
  // It may end before it has read everything: then what it says counts.
  const isCutOff = (ended.error as NodeJS.ErrnoException | undefined)?.code === "EPIPE" && ended.status !== null;
  if (ended.error !== undefined && !isCutOff) throw startError(program, ended.error);
  if (ended.status === 0) return new Uint8Array(ended.stdout);
  throw inTotoError("INTOTO_GPG_FAILED", { checked: `${program} ${words.join(" ")}`, got: whatItSaid(ended) });
}

function startError(program: string, error: Error): ReturnType<typeof inTotoError> {
  const { code = "an error" } = error as NodeJS.ErrnoException;
  const name = code === "ENOBUFS" ? "INTOTO_GPG_FAILED" : "INTOTO_GPG_UNAVAILABLE";
  return inTotoError(name, { checked: quote(program), got: code }, error);
}

/** Its last line tells what went wrong. */
function whatItSaid({ stderr, status, signal }: SpawnSyncReturns<Buffer>): string {
  const line = stderr.toString("utf8").trim().split("\n").at(-1) ?? "";
  return line === "" ? `${signal ?? `exit code ${status}`}` : quote(line);
}
