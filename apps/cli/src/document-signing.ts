import { formatSigstoreKey } from "@countersign/in-toto";
import { signDocument } from "@countersign/pipeline";
import { checkConsent, publicHosts } from "./consent.ts";
import { cliError } from "./errors.ts";
import { useNetwork } from "./network.node.ts";
import { makeSigning } from "./signing.ts";
import type { KeylessOptions } from "./evidence-options.ts";
import type { Terminal } from "./terminal.ts";

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
  const signing = await makeSigning(options, terminal, "statement");
  await checkConsent({ hosts: publicHosts(signing.logs) }, options, terminal);
  return async (payload) => {
    useNetwork(terminal);
    // A command may have taken longer than the first token lasted.
    const as = await signing.open();
    const { bundle, proved } = await signDocument(payload, as, signing.world);
    const { signer } = proved;
    if (signer.kind !== "certificate") throw cliError("CLI_USAGE", "a bundle without a key is signed by an identity");
    return { bundle, keyid: formatSigstoreKey({ identity: signer.identity.value, issuer: signer.issuer }).keyid };
  };
}
