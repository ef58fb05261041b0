/**
 * `node build-sample.ts FOLDER` writes files with bundles, and a layout with a link, and keeps a registry with an image, all right, and
 * a mirror of the repository in FOLDER/repo; prints the command lines that verify and refresh, as JSON on a line, and ends with its
 * standard input.
 */
import { generateKeyPairSync } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { formatMetadata, parseSignerFile, signMetadata } from "@countersign/in-toto";
import { utf8 } from "@countersign/core";
import { attachBundle, descriptorOf, Registry } from "@countersign/oci";
import { makeOciHttp } from "@countersign/oci/node";
import { serveRepository } from "@countersign/tuf/node";
import { imageSignatureType, imageStatementBytes } from "@countersign/pipeline";
import {
  artifactBytes,
  makeEvidence,
  makeInstance,
  pushImage,
  signer,
  startRegistry,
  trustRootBytes,
  type Plan,
} from "@countersign/testkit";

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
const server = await startRegistry();
const mirror = await serveRepository(join(folder, "repo", "public"), 0);
process.stdin.resume().once("end", () => void Promise.all([server.close(), mirror.close()]));
const verify = [...commands, await layChain(), await signImage(server.host)];
process.stdout.write(`${JSON.stringify({ verify, update: refresh(`${mirror.url}/metadata`) })}\n`);

function write(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** For the first time, and once more: then it is all in the store. */
function refresh(metadataUrl: string): readonly (readonly string[])[] {
  const source = ["--store", join(folder, "store"), "--mirror", metadataUrl];
  const root = join(folder, "repo", "public", "metadata", "1.root.json");
  return [
    ["update", "trust", root, ...source],
    ["update", "refresh", ...source],
    ["update", "refresh", ...source],
  ];
}

/** A layout of one step, with an artifact that it makes. */
async function layChain(): Promise<readonly string[]> {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const signer = parseSignerFile(Buffer.from(privateKey.export({ type: "pkcs8", format: "pem" })));
  const { keyid, json } = signer.key;
  const artifacts = { "release.tar": { sha256: "00".repeat(32) } };
  const step = {
    _type: "step",
    name: "make",
    pubkeys: [keyid],
    threshold: 1,
    expected_materials: [["DISALLOW", "*"]],
    expected_products: [
      ["CREATE", "*.tar"],
      ["DISALLOW", "*"],
    ],
    expected_command: ["make"],
  };
  const keys = { [keyid]: json };
  const layout = { _type: "layout", expires: "2999-01-01T00:00:00Z", readme: "", keys, steps: [step], inspect: [] };
  const made = { _type: "link", name: "make", command: ["make"], materials: {}, products: artifacts };
  const link = { ...made, byproducts: {}, environment: {} };
  write("root.layout", formatMetadata(await signMetadata(layout, [signer], "metablock")));
  write(`make.${keyid.slice(0, 8)}.link`, formatMetadata(await signMetadata(link, [signer], "metablock")));
  write("owner.pub", publicKey.export({ type: "spki", format: "pem" }));
  return [
    "layout",
    "verify",
    "--layout",
    join(folder, "root.layout"),
    "--link-dir",
    folder,
    "--key",
    join(folder, "owner.pub"),
  ];
}

/** An image with a signature beside it. */
async function signImage(host: string): Promise<readonly string[]> {
  const registry = new Registry({ http: makeOciHttp(), sleep: async () => {} });
  const repository = { registry: host, repository: "app" };
  const digest = await pushImage(registry, repository, "app", "1");
  const payload = imageStatementBytes(digest, { kind: "signature" });
  const { json } = makeEvidence(instance, { content: "envelope", entry: "hashedrekord 0.0.2", payload });
  const attachment = {
    subject: descriptorOf(await registry.manifest({ ...repository, digest })),
    bundle: utf8(JSON.stringify(json)),
    content: "dsse-envelope",
    predicateType: imageSignatureType,
    created: "2026-01-01T00:00:00Z",
  } as const;
  await attachBundle(registry, repository, attachment, { random: () => 0 });
  return ["image", "verify", `${host}/app:1`, "--trusted-root", trust, ...who];
}
