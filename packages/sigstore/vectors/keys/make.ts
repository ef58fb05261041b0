// Makes made.json anew: `node packages/sigstore/vectors/keys/make.ts PROGRAM > packages/sigstore/vectors/keys/made.json`, with
// openssl and ssh-keygen, and for cosign's form with PROGRAM, which is interop/keys/cosign-format built by `go build`.
// All keys are for tests only.
import { execFileSync } from "node:child_process";
import { createPublicKey } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const [goProgram = ""] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), "key-vectors-"));
const password = "correct horse ü";
const rows: { name: string; password?: string; key: string; spki: string }[] = [];
const path = (name: string): string => join(folder, name);
const openssl = (...argv: string[]): string => execFileSync("openssl", argv, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });

for (const kind of ["p256", "ed25519", "rsa"]) {
  const key = execFileSync(goProgram, ["make", password, kind], { encoding: "utf8" });
  writeFileSync(path("sealed"), key);
  const spki = execFileSync(goProgram, ["public", password, path("sealed")], { encoding: "utf8" });
  rows.push({ name: `sigstore ${kind} (Go sigstore/sigstore)`, password, key, spki: base64(spki) });
}
const kinds: Readonly<Record<string, readonly string[]>> = {
  p256: ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
  p384: ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
  p521: ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"],
  ed25519: ["-algorithm", "ED25519"],
  rsa: ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
};
for (const [kind, argv] of Object.entries(kinds)) {
  writeFileSync(path(kind), openssl("genpkey", ...argv));
  addOpenssl(`pkcs8 ${kind}`, kind, readFileSync(path(kind), "utf8"));
}
for (const kind of ["p256", "p521"]) addOpenssl(`sec1 ${kind}`, kind, openssl("ec", "-in", path(kind)));
addOpenssl("sec1 with parameters", "p384", openssl("ecparam", "-name", "secp384r1") + openssl("ec", "-in", path("p384")));
addOpenssl("pkcs1 rsa", "rsa", openssl("rsa", "-in", path("rsa"), "-traditional"));
const seal = ["pkcs8", "-topk8", "-passout", `pass:${password}`, "-in"];
addOpenssl("pbes2 default", "p256", openssl(...seal, path("p256")), password);
addOpenssl("pbes2 aes-128, sha1", "p256", openssl(...seal, path("p256"), "-v2", "aes-128-cbc", "-v2prf", "hmacWithSHA1"), password);
addOpenssl("pbes2 aes-192, sha512", "rsa", openssl(...seal, path("rsa"), "-v2", "aes-192-cbc", "-v2prf", "hmacWithSHA512"), password);
addOpenssl("pbes2 3des", "p384", openssl(...seal, path("p384"), "-v2", "des3"), password);
addOpenssl("pbes2 scrypt", "ed25519", openssl(...seal, path("ed25519"), "-scrypt"), password);
for (const hash of ["SHA224", "SHA384", "SHA512-224", "SHA512-256"])
  addOpenssl(`pbes2 ${hash.toLowerCase()}`, "p256", openssl(...seal, path("p256"), "-v2prf", `hmacWith${hash}`), password);
addOpenssl("pkcs8 p256 out of pkcs12", "p256", outOfPkcs12("p256"));
for (const [kind, bits] of [["ecdsa", "256"], ["ecdsa", "384"], ["ecdsa", "521"], ["rsa", "2048"], ["ed25519", "256"]] as const) {
  const { key, line, spki } = sshKey(kind, bits, "");
  rows.push({ name: `openssh ${kind} ${bits}`, key, spki });
  rows.push({ name: `openssh ${kind} ${bits} public`, key: line, spki });
}
for (const [kind, bits, cipher] of [
  ["ed25519", "256", "aes256-ctr"], ["ecdsa", "256", "aes192-ctr"], ["rsa", "2048", "aes128-ctr"], ["ecdsa", "384", "aes256-cbc"],
  ["ed25519", "256", "aes128-cbc"], ["ecdsa", "521", "aes256-gcm@openssh.com"], ["ed25519", "256", "aes128-gcm@openssh.com"],
  ["ed25519", "256", "3des-cbc"],
] as const) {
  const { key, spki } = sshKey(kind, bits, password, "-Z", cipher, "-a", cipher === "aes256-ctr" ? "16" : "2");
  rows.push({ name: `openssh ${kind} ${bits}, ${cipher}`, password, key, spki });
}
process.stdout.write(`${JSON.stringify(rows, null, 1)}\n`);
rmSync(folder, { recursive: true });

function addOpenssl(name: string, kind: string, key: string, sealedBy?: string): void {
  const spki = base64(openssl("pkey", "-in", path(kind), "-pubout"));
  rows.push({ name, ...(sealedBy === undefined ? {} : { password: sealedBy }), key, spki });
}

/** With bag attributes in front. */
function outOfPkcs12(kind: string): string {
  openssl("req", "-x509", "-key", path(kind), "-subj", "/CN=a", "-out", path("certificate"));
  openssl("pkcs12", "-export", "-inkey", path(kind), "-in", path("certificate"), "-name", "release", "-passout", "pass:x", "-out", path("p12"));
  return openssl("pkcs12", "-in", path("p12"), "-nocerts", "-nodes", "-passin", "pass:x");
}

function sshKey(kind: string, bits: string, passphrase: string, ...more: string[]): { key: string; line: string; spki: string } {
  const file = path(`ssh-${kind}-${bits}-${more[1] ?? "open"}`);
  execFileSync("ssh-keygen", ["-q", "-t", kind, "-b", bits, "-N", passphrase, "-C", "a comment", ...more, "-f", file]);
  const line = readFileSync(`${file}.pub`, "utf8");
  const spki = base64(kind === "ed25519" ? ed25519Pem(line) : execFileSync("ssh-keygen", ["-e", "-m", "PKCS8", "-f", `${file}.pub`], { encoding: "utf8" }));
  return { key: readFileSync(file, "utf8"), line, spki };
}

/** ssh-keygen has no other form for it: the point is the last 32 bytes. */
function ed25519Pem(line: string): string {
  const point = Buffer.from(line.split(" ")[1] ?? "", "base64").subarray(-32);
  const spki = Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), point]);
  return createPublicKey({ key: spki, format: "der", type: "spki" }).export({ format: "pem", type: "spki" }).toString();
}

function base64(pem: string): string {
  return createPublicKey(pem).export({ format: "der", type: "spki" }).toString("base64");
}
