import { formatSigstoreKey } from "@countersign/in-toto";
import { signDocument } from "@countersign/pipeline";
import type { LogWatch } from "@countersign/sigstore";
import { checkConsent, publicHosts } from "./consent.ts";
import { cliError } from "./errors.ts";
import { interruptible } from "./interrupt.ts";
import { useNetwork } from "./network.node.ts";
import { newBundle, SigningRun } from "./signing-run.ts";
import { makeSigning, type Signing } from "./signing.ts";
import type { KeylessOptions } from "./evidence-options.ts";
import type { Terminal } from "./terminal.ts";

/** A Sigstore bundle, and the id under which a layout lists who signed. */
interface SignedBundle {
  readonly bundle: string;
  readonly keyid: string;
}

/** Where a signed document goes. `open` may throw to have nothing written; what it gives writes the text. */
interface DocumentPlace<T> {
  /** As it is told where nothing could be written. */
  readonly name: string;
  readonly open: (keyid: string) => (text: string) => T;
}

/** Signs a document and writes the bundle; one that is in a log and cannot be written is handed out otherwise. */
type DocumentSigning = <T>(
  payload: Uint8Array,
  place: DocumentPlace<T>,
) => Promise<{ readonly keyid: string; readonly written: T }>;

/**
 * Makes ready to sign documents of in-toto as whoever the identity token names. Throws the errors of tokens, services,
 * trust roots and consent.
 */
export async function makeDocumentSigning(
  options: Omit<KeylessOptions, "key">,
  terminal: Terminal,
): Promise<DocumentSigning> {
  const signing = await makeSigning(options, terminal, "statement");
  await checkConsent({ hosts: publicHosts(signing.logs) }, options, terminal);
  return async (payload, { name, open }) => {
    useNetwork(terminal);
    const made = newBundle(name);
    const run = new SigningRun({ bundles: [made], terminal, isJson: options.json === true });
    const store = async (watch: LogWatch, lose: (bundle: string) => void) => {
      const { bundle, keyid } = await signAs(signing, payload, watch);
      const write = open(keyid);
      try {
        return { keyid, written: write(`${bundle}\n`) };
      } catch (error) {
        lose(bundle);
        throw error;
      }
    };
    return interruptible(() => run.store(made, store), run);
  };
}

async function signAs(signing: Signing, payload: Uint8Array, watch: LogWatch): Promise<SignedBundle> {
  // A command may have taken longer than the first token lasted.
  const as = await signing.open();
  const { bundle, proved } = await signDocument(payload, as, { ...signing.world, watch });
  const { signer } = proved;
  if (signer.kind !== "certificate") throw cliError("CLI_USAGE", "a bundle without a key is signed by an identity");
  return { bundle, keyid: formatSigstoreKey({ identity: signer.identity.value, issuer: signer.issuer }).keyid };
}
