import { parseJson, parseUtf8, quote, utf8, type JsonObject } from "@countersign/core";
import {
  addSignatures,
  checkSignature,
  formatMetadata,
  lintLayout,
  maxLinkBytes,
  parseEvidence,
  parseMetadata,
  parseSignedFile,
  proveMetadata,
  readPayload,
  type InTotoSigner,
  type Layout,
  type LayoutKey,
  type Metadata,
  type OpenPgpSigner,
  type SignedFile,
} from "@countersign/in-toto";
import { cliError } from "../../errors.ts";
import { readSmallFile } from "../../input.node.ts";
import { keyIoOf } from "../../key.ts";
import { identityKeyOf, loadProver } from "../../link-trust.ts";
import { readInTotoSigner, readLayoutKeys } from "../../layout-key.ts";
import { checkOutput, writeAtomic } from "../../output.node.ts";
import { formatJson } from "../../render-json.ts";
import { formatWarning, plain } from "../../render-text.ts";
import type { LayoutSignOptions } from "../../evidence-options.ts";
import type { OutputOptions } from "../../options.ts";
import type { Terminal } from "../../terminal.ts";

/** `countersign layout sign`: signs a layout or link again, or with `--verify` checks its signatures. */
export async function layoutSignCommand(
  operands: readonly string[],
  given: OutputOptions,
  terminal: Terminal,
): Promise<number> {
  const options = given as LayoutSignOptions;
  const [path = ""] = operands;
  const key = options.key ?? [];
  if (
    key.length === 0 &&
    options.gpg === undefined &&
    (options.keyless === true || options.identityToken !== undefined)
  )
    return signAsIdentity(path, options, terminal);
  if (options.verify === true) return verify(path, key, options, terminal);
  if (key.length === 0 && options.gpg === undefined)
    throw cliError("CLI_USAGE", "required option '--key <file...>' not specified");
  if (identityKeyOf(options) !== undefined)
    throw cliError("CLI_OPTION_CONFLICT", { checked: "--certificate-identity", expected: "--verify beside it" });
  const signers = await openSigners(key, options, terminal);
  const output = options.output ?? path;
  checkOutput(
    output,
    key.map((each) => ({ path: each, what: "the key" })),
  );
  const text = await signAgain(readSmallFile(path, "layout or link", maxLinkBytes), signers, options);
  const metadata = proveSigned(text, signers, terminal.now());
  if (options.quiet !== true && metadata.type === "layout") warnOf(metadata.layout, terminal);
  writeAtomic(output, text);
  report(output, metadata, { word: "signed", options }, terminal);
  return 0;
}

async function openSigners(
  keys: readonly string[],
  options: LayoutSignOptions,
  terminal: Terminal,
): Promise<readonly (InTotoSigner | OpenPgpSigner)[]> {
  const signers: (InTotoSigner | OpenPgpSigner)[] = [];
  for (const each of keys) signers.push(await readInTotoSigner(each, options, terminal));
  if (options.gpg === undefined) return signers;
  const { gpgSignerOf } = await import("../../layout-gpg.ts");
  return [...signers, gpgSignerOf(options.gpg, options, terminal)];
}

/** One signature, by whoever the identity token names: the file becomes a Sigstore bundle around what is signed. */
async function signAsIdentity(path: string, options: LayoutSignOptions, terminal: Terminal): Promise<number> {
  const output = options.output ?? `${path}.sigstore.json`;
  checkOutput(output, []);
  const file = parseSignedFile(readSmallFile(path, "layout or link", maxLinkBytes));
  const changed = asEnvelope(options.expires === undefined ? file : withExpiry(file, options.expires));
  const payload = changed.form === "dsse" ? changed.payload : new Uint8Array(0);
  const content = readPayload(payload, "strict");
  // Loaded here: who signs by a key needs none of it.
  const { makeDocumentSigning } = await import("../../document-signing.ts");
  const sign = await makeDocumentSigning(options, terminal);
  if (options.quiet !== true && content.type === "layout") warnOf(content.layout, terminal);
  const write = (text: string): void => writeAtomic(output, text);
  const { keyid } = await sign(payload, { name: output, open: () => write });
  report(output, { type: content.type, form: "dsse", signatures: [{ keyid }] }, { word: "signed", options }, terminal);
  return 0;
}

async function signAgain(
  bytes: Uint8Array,
  signers: readonly (InTotoSigner | OpenPgpSigner)[],
  { append, expires, dsse }: LayoutSignOptions,
): Promise<string> {
  if (append === true && expires !== undefined)
    throw cliError("CLI_OPTION_CONFLICT", {
      checked: "--expires",
      got: "--append: signatures of others would no longer hold",
    });
  const file = parseSignedFile(bytes);
  if (append === true) return formatMetadata(await addSignatures(file, signers));
  const signed = expires === undefined ? file : withExpiry(file, expires);
  return formatMetadata(
    await addSignatures({ ...(dsse === true ? asEnvelope(signed) : signed), signatures: [] }, signers),
  );
}

function withExpiry(file: SignedFile, expires: string): SignedFile {
  if (file.form === "metablock") return { ...file, signed: { ...file.signed, expires } };
  const signed = parseJson(parseUtf8(file.payload)) as JsonObject;
  return { ...file, payload: utf8(JSON.stringify({ ...signed, expires })) };
}

function asEnvelope(file: SignedFile): SignedFile {
  if (file.form === "dsse") return file;
  return { form: "dsse", payload: utf8(JSON.stringify(file.signed)), signatures: [] };
}

/** Nothing is written that our own strict verifier would not read, or whose signatures it would not accept. */
function proveSigned(text: string, signers: readonly Pick<InTotoSigner, "key">[], now: Date): Metadata {
  const metadata = parseMetadata(utf8(text), "strict");
  for (const { key } of signers) checkSignature(metadata, key, now.getTime());
  return metadata;
}

async function verify(
  path: string,
  key: readonly string[],
  options: LayoutSignOptions,
  terminal: Terminal,
): Promise<number> {
  const identity = identityKeyOf(options);
  const keys = identity === undefined ? await readSigningKeys(key, options, terminal) : [identity];
  const [first] = keys;
  if (first === undefined) throw cliError("CLI_USAGE", "required option '--key <file...>' not specified");
  const now = terminal.now();
  const bytes = readSmallFile(path, "layout or link", maxLinkBytes);
  const evidence = parseEvidence(bytes, "strict");
  const metadata =
    evidence === "bundle" ? proveMetadata(bytes, first, await loadProver(options, now, terminal)) : evidence;
  for (const each of keys) checkSignature(metadata, each, now.getTime());
  const keyids = evidence === "bundle" ? { signatures: [{ keyid: first.keyid }] } : {};
  report(path, { ...metadata, ...keyids }, { word: "signed by all of these keys", options }, terminal);
  return 0;
}

async function readSigningKeys(
  key: readonly string[],
  options: LayoutSignOptions,
  terminal: Terminal,
): Promise<readonly LayoutKey[]> {
  const keys = await readLayoutKeys(key, keyIoOf(options, terminal));
  if (options.gpg === true) throw cliError("CLI_USAGE", "'--gpg' with '--verify' needs the fingerprint of a key");
  if (options.gpg === undefined) return keys;
  const { gpgKeysOf } = await import("../../layout-gpg.ts");
  return [...keys, ...gpgKeysOf([options.gpg], options, terminal)];
}

/** Signing is the moment to hear what is wrong; it stays the owner's decision. */
function warnOf(layout: Layout, terminal: Terminal): void {
  for (const { level, code, message } of lintLayout(layout, { now: terminal.now() })) {
    if (level === "fail") terminal.err(formatWarning(message, code, terminal));
  }
}

interface Said {
  readonly word: string;
  readonly options: LayoutSignOptions;
}

interface Facts extends Pick<Metadata, "type" | "form"> {
  readonly signatures: readonly { readonly keyid: string }[];
}

function report(path: string, { type, form, signatures }: Facts, { word, options }: Said, terminal: Terminal): void {
  const keyids = signatures.map(({ keyid }) => keyid);
  const facts = { path, type, form, isVerified: options.verify === true, keyids };
  if (options.json === true) terminal.out(formatJson({ schema: "countersign.layout-sign/v1", ...facts }));
  if (options.quiet === true) return;
  const count = `${keyids.length} ${keyids.length === 1 ? "signature" : "signatures"}`;
  terminal.err(
    `${terminal.style("green", `${word}:`)} ${plain(path)} (${type}, ${count}: ${keyids.map((id) => quote(id).slice(1, 9)).join(", ")})\n`,
  );
}
