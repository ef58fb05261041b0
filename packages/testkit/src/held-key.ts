import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { digestFromBytes, parsePrivateKey, type AlgorithmName, type HashName } from "@countersign/core";
import type { KeyServiceFault } from "./key-service.ts";

/** A key that a service holds, and another one for when it is to sign with the wrong one. */
export interface HeldKey {
  readonly kind: HeldKind;
  readonly publicPem: string;
  readonly spki: Buffer;
  readonly jwk: Readonly<Record<string, unknown>>;
  /** ECDSA in DER; what it signs and with which key is as the fault has it. */
  readonly sign: (input: SignWork, fault?: KeyServiceFault) => Promise<Buffer>;
}

export type HeldKind = "p256" | "p384" | "p521" | "ed25519" | "rsa";

/** A digest of this hash, or a message if there is none. */
export interface SignWork {
  readonly bytes: Buffer;
  readonly hash?: HashName;
  readonly algorithm: AlgorithmName;
}

/** Makes a key for a service. */
export function makeHeldKey(kind: HeldKind): HeldKey {
  const [own, other] = [generate(kind), generate(kind)];
  return {
    kind,
    publicPem: own.publicKey.export({ type: "spki", format: "pem" }).toString(),
    spki: own.publicKey.export({ type: "spki", format: "der" }),
    jwk: own.publicKey.export({ format: "jwk" }) as Record<string, unknown>,
    sign: async (work, fault) => {
      if (fault === "rubbish-signature") return Buffer.from("this is no signature");
      const { privateKey } = fault === "other-key" ? other : own;
      const bytes = Buffer.from(work.bytes);
      if (fault === "other-digest") bytes[0] = (bytes[0] ?? 0) ^ 1;
      const signer = parsePrivateKey(privateKey.export({ type: "pkcs8", format: "pem" }).toString(), work.algorithm);
      const { hash } = work;
      const input = hash === undefined ? { message: bytes } : { digest: digestFromBytes(hash, bytes) };
      return Buffer.from(await signer.sign(input));
    },
  };
}

function generate(kind: HeldKind): { readonly privateKey: KeyObject; readonly publicKey: KeyObject } {
  if (kind === "ed25519") return generateKeyPairSync("ed25519");
  if (kind === "rsa") return generateKeyPairSync("rsa", { modulusLength: 2048 });
  return generateKeyPairSync("ec", { namedCurve: `P-${kind.slice(1)}` });
}
