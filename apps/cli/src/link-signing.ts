import { TrustError, utf8, type JsonObject } from "@countersign/core";
import {
  formatLink,
  formatLinkStatement,
  formatMetadata,
  signMetadata,
  withCertificate,
  type InTotoSigner,
  type Link,
  type MetadataSigner,
} from "@countersign/in-toto";
import { linkFileName, writeLink, writeLinkFile } from "@countersign/in-toto/node";
import { cliError } from "./errors.ts";
import { checkDirectory, readSmallFile } from "./input.node.ts";
import { readStepSigner } from "./layout-key.ts";
import type { EvidenceOptions } from "./evidence-options.ts";
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
  if (isKeyless(options)) {
    const sign = await makeIdentitySigning(options, terminal);
    return (link) => sign(link, (keyid) => fileNameOf(step, keyid, options));
  }
  const own = await readStepSigner(options, terminal);
  const signer = options.certificate === undefined || "openpgp" in own ? own : certified(own, options.certificate);
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

/** Whether a link is signed by whoever an identity token names. */
export function isKeyless({ key, gpg, keyless, identityToken }: EvidenceOptions): boolean {
  return key === undefined && gpg === undefined && (keyless === true || identityToken !== undefined);
}

/** Signs a link as an identity and writes the bundle, under a name that its id gives; that may throw to have nothing written. */
type IdentitySigning = (link: Link, nameOf: (keyid: string) => string) => Promise<SignedLink>;

/** Makes ready to sign links as whoever the identity token names. Throws the errors of tokens, services, trust roots and consent. */
export async function makeIdentitySigning(options: EvidenceOptions, terminal: Terminal): Promise<IdentitySigning> {
  const directory = checkDirectory(options.metadataDir ?? ".", "metadata directory");
  // Loaded here: who signs by a key needs none of it.
  const { makeDocumentSigning } = await import("./document-signing.ts");
  const sign = await makeDocumentSigning(options, terminal);
  return async (link, nameOf) => {
    const open = (keyid: string): ((text: string) => string) => {
      const name = nameOf(keyid);
      return (text) => writeLinkFile(directory, name, text);
    };
    const payload = utf8(JSON.stringify(formatted(link, options)));
    const { keyid, written } = await sign(payload, { name: `${link.name}.link`, open });
    return { keyid, path: written };
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
