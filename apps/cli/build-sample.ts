/** `node build-sample.ts FOLDER` writes files with bundles that are right, and prints the command lines that verify them, as JSON. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { artifactBytes, makeEvidence, makeInstance, signer, trustRootBytes, type Plan } from "@countersign/testkit";

const [folder = ""] = process.argv.slice(2);
const instance = makeInstance();
const trust = write("trusted_root.json", trustRootBytes(instance.parts));
const who = ["--certificate-identity", signer.identity, "--certificate-oidc-issuer", signer.issuer];
/** What people verify: signatures and attestations, in both generations of the log. */
const plans: readonly Plan[] = [
  { entry: "hashedrekord 0.0.1" },
  { entry: "hashedrekord 0.0.2" },
  { content: "envelope", entry: "dsse 0.0.1" },
  { content: "envelope", entry: "hashedrekord 0.0.2" },
];
const commands = plans.map((plan, at) => {
  const path = write(`file-${at}`, artifactBytes);
  write(`file-${at}.sigstore.json`, JSON.stringify(makeEvidence(instance, { ...plan, artifact: artifactBytes }).json));
  return ["verify", path, "--trusted-root", trust, ...who];
});
process.stdout.write(JSON.stringify(commands));

function write(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}
