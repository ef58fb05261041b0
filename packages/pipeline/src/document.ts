import { makeVerifier, type Requirements, type Verifier } from "@countersign/core";
import type { BundleProver, ProvedEnvelope } from "@countersign/in-toto";
import {
  formatBundle,
  parseBundle,
  signPayload,
  verifyEnvelope,
  type Bundle,
  type SignAs,
} from "@countersign/sigstore";
import { pipelineError } from "./errors.ts";
import { groundsOf } from "./grounds.ts";
import { ioOf, selfCheck, unloggedNeeds } from "./sign-io.ts";
import type { SignWorld } from "./sign.ts";
import type { Trust } from "./trust.ts";

/**
 * What in-toto takes to prove Sigstore bundles of functionaries: every check that a bundle for an artifact gets, but for
 * the artifact. What was signed is for in-toto to judge. Throws what `parseBundle` and `verifyEnvelope` throw.
 */
export function bundleProver(trust: Trust, now: Date): BundleProver {
  return (bytes, key) =>
    proveEnvelope(parseBundle(bytes), key === undefined ? undefined : makeVerifier(key.spki), { trust, now });
}

/** A document that was signed, and what our own verifier found proved. */
export interface SignedDocument {
  /** Bundle 0.3, JSON. */
  readonly bundle: string;
  readonly proved: ProvedEnvelope;
}

/**
 * Signs a link or layout of in-toto (its exact bytes) as a bundle, and proves it as a receiver would; a bundle that is
 * refused is never given out (PIPELINE_SELF_CHECK). Also throws what `signPayload` throws.
 */
export async function signDocument(payload: Uint8Array, as: SignAs, world: SignWorld): Promise<SignedDocument> {
  const key = as.kind === "key" ? makeVerifier(as.signer.spki, as.signer.algorithm.name) : undefined;
  const proofs: ProvedEnvelope[] = [];
  const prove = (bundle: Bundle, lower?: Partial<Requirements>): ProvedEnvelope =>
    selfCheck(() => proveEnvelope(bundle, key, { trust: world.trust, now: world.now(), ...(lower && { lower }) }));
  const preview = (bundle: Bundle): void => void prove(bundle, unloggedNeeds);
  const verify = (bundle: Bundle): void => void proofs.push(prove(bundle));
  const bundle = await signPayload(payload, as, { ...ioOf(world), preview, verify });
  const [proved] = proofs;
  if (proved === undefined) throw pipelineError("PIPELINE_SELF_CHECK", "the new bundle was not looked at");
  return { bundle: formatBundle(bundle), proved };
}

interface Judge {
  readonly trust: Trust;
  readonly now: Date;
  /** Numbers that count instead of those that the trust root's own instance asks for. */
  readonly lower?: Partial<Requirements>;
}

function proveEnvelope(bundle: Bundle, key: Verifier | undefined, { trust, now, lower }: Judge): ProvedEnvelope {
  const { root, require } = groundsOf(bundle, trust, key);
  const options = { require: { ...require, ...lower }, nowMs: now.getTime(), ...(key === undefined ? {} : { key }) };
  const { envelope, signer, times, logs } = verifyEnvelope(bundle, root, options);
  return { payloadType: envelope.payloadType, payload: envelope.payload, signer, times, logs };
}
