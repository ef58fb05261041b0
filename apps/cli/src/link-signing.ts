import { TrustError, utf8, type JsonObject } from "@countersign/core";
import {
  formatLink,
  formatLinkStatement,
  formatMetadata,
  formatSigstoreKey,
  signMetadata,
  withCertificate,
  type InTotoSigner,
  type Link,
  type MetadataSigner,
} from "@countersign/in-toto";
import { linkFileName, writeLink, writeLinkFile } from "@countersign/in-toto/node";
import { checkConsent, publicHosts } from "./consent.ts";
import { cliError } from "./errors.ts";
import { checkDirectory, readSmallFile } from "./input.node.ts";
import { readInTotoSigner } from "./layout-key.ts";
import type { EvidenceOptions, KeylessOptions } from "./evidence-options.ts";
import type { Terminal } from "./terminal.ts";

/** A link on disk, and the id under which a layout lists its functionary. */
interface SignedLink {
  readonly path: string;
  readonly keyid: string;
}

/** Signs a link and writes it. */
type LinkSigning = (link: Link) => Promise<SignedLink>;

/**
 * Makes ready to sign the link of a step, by a key or as an identity, and finds now what would stop it later.
 * Throws CLI_USAGE for neither, and the errors of keys, tokens, services and consent.
 */
export async function makeLinkSigning(
  step: string,
  options: EvidenceOptions,
  terminal: Terminal,
): Promise<LinkSigning> {
  const directory = checkDirectory(options.metadataDir ?? ".", "metadata directory");
  if (options.key === undefined && (options.keyless === true || options.identityToken !== undefined))
    return signAsIdentity(step, directory, options, terminal);
  const own = await readInTotoSigner(options.key, options, terminal);
  const signer = options.certificate === undefined ? own : certified(own, options.certificate);
  const { keyid } = signer.key;
  linkFileName(step, keyid);
  if (options.statement === true)
    return async (link) => {
      const file = await signMetadata(formatLinkStatement(link), [signer], "dsse");
      return { keyid, path: writeLinkFile(directory, fileNameOf(step, keyid, options), formatMetadata(file)) };
    };
  const form = options.dsse === true ? "dsse" : "metablock";
  return async (link) => ({ keyid, path: await writeLink(link, { signer, directory, form }) });
}

function certified(signer: InTotoSigner, path: string): MetadataSigner {
  const pem = Buffer.from(readSmallFile(path, "certificate")).toString("latin1");
  try {
    return withCertificate(signer, pem);
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
    throw cliError("CLI_OPTION_VALUE", { checked: "--certificate", got: error.message }, error);
  }
}

async function signAsIdentity(
  step: string,
  directory: string,
  options: EvidenceOptions,
  terminal: Terminal,
): Promise<LinkSigning> {
  const sign = await makeDocumentSigning(options, terminal);
  return async (link) => {
    const { bundle, keyid } = await sign(utf8(JSON.stringify(formatted(link, options))));
    return { keyid, path: writeLinkFile(directory, fileNameOf(step, keyid, options), `${bundle}\n`) };
  };
}

/** A Sigstore bundle, and the id under which a layout lists who signed. */
interface SignedBundle {
  readonly bundle: string;
  readonly keyid: string;
}

/**
 * Makes ready to sign documents of in-toto as whoever the identity token names. Throws the errors of tokens, services,
 * trust roots and consent.
 */
export async function makeDocumentSigning(
  options: Omit<KeylessOptions, "key">,
  terminal: Terminal,
): Promise<(payload: Uint8Array) => Promise<SignedBundle>> {
  // Loaded here: who signs by a key needs none of it.
  const [{ makeSigning }, { signDocument }, { useProxy }] = await Promise.all([
    import("./signing.ts"),
    import("@countersign/pipeline"),
    import("./proxy.ts"),
  ]);
  const signing = await makeSigning(options, terminal, "statement");
  await checkConsent({ hosts: publicHosts(signing.logs) }, options, terminal);
  return async (payload) => {
    useProxy(terminal);
    // A command may have taken longer than the first token lasted.
    const as = await signing.open();
    const { bundle, proved } = await signDocument(payload, as, signing.world);
    const { signer } = proved;
    if (signer.kind !== "certificate") throw cliError("CLI_USAGE", "a bundle without a key is signed by an identity");
    return { bundle, keyid: formatSigstoreKey({ identity: signer.identity.value, issuer: signer.issuer }).keyid };
  };
}

function formatted(link: Link, { statement }: EvidenceOptions): JsonObject {
  return statement === true ? formatLinkStatement(link) : formatLink(link);
}

/** Attestations of a step have names of their own. */
function fileNameOf(step: string, keyid: string, { statement }: EvidenceOptions): string {
  const name = linkFileName(step, keyid);
  return statement === true ? name.replace(/link$/, "json") : name;
}
