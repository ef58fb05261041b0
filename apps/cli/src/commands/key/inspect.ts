import { TrustError, type Verifier } from "@countersign/core";
import { currentKeyId, publicKeyOf } from "@countersign/in-toto";
import {
  describeKeyFile,
  isLocal,
  keyNamesOf,
  keyStrengthOf,
  parseKeyReference,
  withoutSecrets,
  type KeyFile,
  type KeyForm,
} from "@countersign/sigstore/node";
import { keyIoOf, publicHalfOf, readKeyFile } from "../../key.ts";
import type { KeyCommandOptions } from "../../key-options.ts";
import type { OutputOptions } from "../../options.ts";
import { formatJson } from "../../render-json.ts";
import { plain } from "../../render-text.ts";
import type { Terminal } from "../../terminal.ts";

/** What `key inspect` tells. Of an encrypted key without its password only what its file says on the outside. */
interface KeyDescription {
  readonly half: "private" | "public" | "held by a token or service";
  readonly form?: string;
  /** null: not encrypted. */
  readonly encryption?: string | null;
  readonly algorithm?: string;
  readonly strength?: { readonly bits: number; readonly says: string };
  readonly keyid?: string;
  readonly hint?: string;
  readonly ssh?: string;
  readonly inToto?: readonly string[];
  readonly tuf?: string;
}

/** `countersign key inspect KEY`. Exit code 0 says only that it could be read. */
export async function keyInspectCommand(
  operands: readonly string[],
  given: OutputOptions,
  terminal: Terminal,
): Promise<number> {
  const options = given as KeyCommandOptions;
  const [reference = ""] = operands;
  const description = await describe(reference, options, terminal);
  if (options.json === true)
    terminal.out(formatJson({ schema: "countersign.key/v1", key: withoutSecrets(reference), ...description }));
  else terminal.out(formatDescription(reference, description));
  return 0;
}

async function describe(reference: string, options: KeyCommandOptions, terminal: Terminal): Promise<KeyDescription> {
  const io = keyIoOf(options, terminal);
  if (!isLocal(parseKeyReference(reference)))
    return { half: "held by a token or service", ...factsOf(await publicHalfOf(reference, io)) };
  const { file, again } = readKeyFile(reference, io);
  const outside = outsideOf(file);
  try {
    return { ...outside, ...factsOf(await publicHalfOf(reference, again)) };
  } catch (error) {
    if (error instanceof TrustError && isClosed(error.code)) return outside;
    throw error;
  }
}

function isClosed(code: string): boolean {
  return ["SIGSTORE_KEY_PASSWORD_NEEDED", "SIGSTORE_KEY_LEGACY", "SIGSTORE_KEY_SSH_ENCRYPTED"].includes(code);
}

const formWords: Readonly<Record<KeyForm, string>> = {
  sigstore: "cosign's",
  pkcs8: "PKCS#8",
  sec1: "SEC1",
  pkcs1: "PKCS#1",
  openssh: "OpenSSH's",
  spki: "SubjectPublicKeyInfo",
  legacy: "OpenSSL's old one",
};

function outsideOf(file: KeyFile): KeyDescription {
  const { half, form } = file;
  const encryption = half === "private" ? { encryption: describeKeyFile(file) ?? null } : {};
  return { half, form: formWords[form], ...encryption };
}

function factsOf({ spki, algorithm }: Verifier): Omit<KeyDescription, "half"> {
  const { sha256, hint, ssh } = keyNamesOf(spki);
  return {
    algorithm: algorithm.name,
    strength: keyStrengthOf(spki),
    keyid: sha256,
    hint,
    ...(ssh === undefined ? {} : { ssh }),
    ...metadataIds(spki),
  };
}

/** in-toto and TUF have no ML-DSA. */
function metadataIds(spki: Uint8Array): Pick<KeyDescription, "inToto" | "tuf"> {
  try {
    const { keytype, scheme, public: text, ids } = publicKeyOf(spki);
    const form = text.startsWith("-----") ? `${text.trimEnd()}\n` : text;
    return { inToto: ids, tuf: currentKeyId({ keytype, scheme, public: form }) };
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
    return {};
  }
}

function formatDescription(reference: string, description: KeyDescription): string {
  const { half, form, encryption, algorithm, strength, keyid, hint, ssh, inToto, tuf } = description;
  const rows: readonly (readonly [string, string | undefined])[] = [
    ["half", half],
    ["form", form],
    ["encryption", encryption === null ? "none: whoever reads the file can sign" : encryption],
    ["algorithm", algorithm ?? "not known before it is opened"],
    ["strength", strength && `${strength.bits} bits (${strength.says})`],
    ["key id", keyid],
    ["hint", hint],
    ["ssh", ssh],
    ["in-toto", inToto?.[0]],
    ["tuf", tuf],
  ];
  const lines = rows.filter((row): row is readonly [string, string] => row[1] !== undefined);
  return [plain(withoutSecrets(reference)), ...lines.map(([name, value]) => `  ${name.padEnd(11)} ${value}`), ""].join(
    "\n",
  );
}
