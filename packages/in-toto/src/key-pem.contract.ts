import { createPublicKey, type KeyObject } from "node:crypto";

/** Both halves of a key as PEM. */
type Pem = { readonly public: string; readonly private: string };

/** As openssl writes them. */
export function pemOf(privateKey: KeyObject, publicType: "spki" | "pkcs1" = "spki"): Pem {
  const publicKey = createPublicKey(privateKey);
  const type = { rsa: "pkcs1", ec: "sec1", ed25519: "pkcs8" }[String(privateKey.asymmetricKeyType)] as "pkcs8";
  return {
    public: publicKey.export({ format: "pem", type: publicType }).toString(),
    private: privateKey.export({ format: "pem", type }).toString(),
  };
}
