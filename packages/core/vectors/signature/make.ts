// Makes contract.json anew: `node packages/core/vectors/signature/make.ts > packages/core/vectors/signature/contract.json`
// (Node 24). Signatures are OpenSSL's, but for Ed25519ph, which is the example of RFC 8032 §7.3. Private keys are thrown away.
import { constants, generateKeyPairSync, sign } from "node:crypto";
import type { KeyObject, SigningOptions } from "node:crypto";

const message = Buffer.from("Countersign contract vector\n");
const hashes = ["sha256", "sha384", "sha512"];
const rows: { algorithm: string; spki: string; message: string; signature: string }[] = [];

for (const curve of ["256", "384", "521"]) {
  for (const hash of hashes) {
    const pair = generateKeyPairSync("ec", { namedCurve: `P-${curve}` });
    addRow(`ecdsa-p${curve}-${hash}`, pair, hash, { dsaEncoding: "der" });
  }
}
addRow("ed25519", generateKeyPairSync("ed25519"), null, {});
rows.push({
  algorithm: "ed25519ph",
  spki: base64("302a300506032b6570032100ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf"),
  message: Buffer.from("abc").toString("base64"),
  signature: base64(
    "98a70222f0b8121aa9d30f813d683f809e462b469c7ff87639499bb94e6dae4131f85042463c2a355a2003d062adf5aaa10b8c61e636062aaad11c2a26083406",
  ),
});
for (const [i, hash] of hashes.entries()) {
  const options = { padding: constants.RSA_PKCS1_PADDING };
  addRow(`rsa-pkcs1-${hash}`, generateKeyPairSync("rsa", { modulusLength: 2048 + i * 1024 }), hash, options);
}
// 2049 and 2047 mod 8 are the two edges of EMSA-PSS: an encoded block one byte shorter than the modulus, and a full one.
for (const [i, hash] of hashes.entries()) {
  const options = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
  addRow(`rsa-pss-${hash}`, generateKeyPairSync("rsa", { modulusLength: [2049, 2056, 2055][i] ?? 2048 }), hash, options);
}
for (const level of ["44", "65", "87"] as const) addRow(`ml-dsa-${level}`, generateKeyPairSync(`ml-dsa-${level}`), null, {});
process.stdout.write(`${JSON.stringify(rows, null, 1)}\n`);

type Pair = { publicKey: KeyObject; privateKey: KeyObject };

function addRow(algorithm: string, pair: Pair, hash: string | null, options: SigningOptions): void {
  const spki = pair.publicKey.export({ format: "der", type: "spki" }).toString("base64");
  const signature = sign(hash, message, { key: pair.privateKey, ...options }).toString("base64");
  rows.push({ algorithm, spki, message: message.toString("base64"), signature });
}

function base64(hex: string): string {
  return Buffer.from(hex, "hex").toString("base64");
}
