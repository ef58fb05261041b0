import { utf8 } from "@countersign/core";
import { formatLink, formatSigstoreKey, type Link } from "@countersign/in-toto";
import { linkFileName, writeLink, writeLinkFile } from "@countersign/in-toto/node";
import { checkConsent, publicHosts } from "./consent.ts";
import { cliError } from "./errors.ts";
import { checkDirectory } from "./input.node.ts";
import { readInTotoSigner } from "./layout-key.ts";
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
  if (options.key === undefined && (options.keyless === true || options.identityToken !== undefined))
    return signAsIdentity(step, directory, options, terminal);
  const signer = await readInTotoSigner(options.key, options, terminal);
  const { keyid } = signer.key;
  linkFileName(step, keyid);
  const form = options.dsse === true ? "dsse" : "metablock";
  return async (link) => ({ keyid, path: await writeLink(link, { signer, directory, form }) });
}

async function signAsIdentity(
  step: string,
  directory: string,
  options: EvidenceOptions,
  terminal: Terminal,
): Promise<LinkSigning> {
  // Loaded here: who signs by a key needs none of it.
  const [{ makeSigning }, { signDocument }, { useProxy }] = await Promise.all([
    import("./signing.ts"),
    import("@countersign/pipeline"),
    import("./proxy.ts"),
  ]);
  const signing = await makeSigning(options, terminal, "statement");
  await checkConsent({ hosts: publicHosts(signing.logs) }, options, terminal);
  return async (link) => {
    useProxy(terminal);
    // The command may have taken longer than the first token lasted.
    const as = await signing.open();
    const { bundle, proved } = await signDocument(utf8(JSON.stringify(formatLink(link))), as, signing.world);
    const { signer } = proved;
    if (signer.kind !== "certificate") throw cliError("CLI_USAGE", "a link without a key is signed by an identity");
    const { keyid } = formatSigstoreKey({ identity: signer.identity.value, issuer: signer.issuer });
    return { keyid, path: writeLinkFile(directory, linkFileName(step, keyid), `${bundle}\n`) };
  };
}
