/**
 * Chains of steps as files on disk, laid out as the reference lays them out: `root.layout`, the owner's key `owner.pub`, and
 * one link a step. ECDSA P-256, which the reference and Node both check natively.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createHash } from "node:crypto";
import { formatMetadata, publicKeyOf, signMetadata, type MetadataSigner } from "@countersign/in-toto";
import { generateSigner, type JsonObject } from "@countersign/core";

/** What a chain is like. */
export interface ChainShape {
  readonly steps: number;
  /** On each side of each link, but for the materials of the first. */
  readonly artifacts: number;
  /** One rule for all artifacts, or a MATCH for each. */
  readonly rules: "all" | "each";
}

type Functionary = MetadataSigner & { readonly json: JsonObject };

/** Writes a chain into a folder that is made for it. */
export async function writeChain(folder: string, shape: ChainShape): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const [owner, worker] = [makeFunctionary(), makeFunctionary()];
  const { keyid } = worker.key;
  const layout = await signMetadata(layoutOf(shape, worker), [owner], "metablock");
  writeFileSync(join(folder, "root.layout"), formatMetadata(layout));
  writeFileSync(join(folder, "owner.pub"), JSON.stringify(owner.json));
  for (let at = 0; at < shape.steps; at++) {
    // oxlint-disable-next-line no-await-in-loop -- one large link at a time
    const file = await signMetadata(linkOf(shape, at), [worker], "metablock");
    // All members are in order, so that it need not be sorted again.
    const text = file.form === "metablock" ? { signatures: file.signatures, signed: file.signed } : {};
    writeFileSync(join(folder, `${nameOf(at)}.${keyid.slice(0, 8)}.link`), JSON.stringify(text, null, 1));
  }
}

function makeFunctionary(): Functionary {
  const signer = generateSigner("ecdsa-p256-sha256");
  const key = publicKeyOf(signer.spki);
  const { keyid, keytype, scheme } = key;
  const json = { keyid, keytype, scheme, keyid_hash_algorithms: ["sha256", "sha512"], keyval: { public: key.public } };
  return { key, signer, json };
}

function nameOf(step: number): string {
  return `step-${step}`;
}

function layoutOf({ steps, artifacts, rules }: ChainShape, worker: Functionary): JsonObject {
  const { keyid } = worker.key;
  const patterns = rules === "all" ? ["*"] : Array.from({ length: artifacts }, (_, at) => pathOf(at));
  return {
    _type: "layout",
    expires: "2100-01-01T00:00:00Z",
    inspect: [],
    keys: { [keyid]: worker.json },
    readme: "",
    steps: Array.from({ length: steps }, (_, at) => {
      const match = patterns.map((pattern) => ["MATCH", pattern, "WITH", "PRODUCTS", "FROM", nameOf(at - 1)]);
      const before = [...(at === 0 ? [] : match), ["DISALLOW", "*"]];
      return {
        _type: "step",
        expected_command: [],
        expected_materials: before,
        expected_products:
          at === 0
            ? [
                ["CREATE", "*"],
                ["DISALLOW", "*"],
              ]
            : before,
        name: nameOf(at),
        pubkeys: [keyid],
        threshold: 1,
      };
    }),
  };
}

/** Every step hands on what it was given. */
function linkOf({ artifacts }: ChainShape, step: number): JsonObject {
  const all = Object.fromEntries(Array.from({ length: artifacts }, (_, at) => [pathOf(at), hashesOf(at)]));
  return {
    _type: "link",
    byproducts: { "return-value": 0, stderr: "", stdout: "" },
    command: [],
    environment: {},
    materials: step === 0 ? {} : all,
    name: nameOf(step),
    products: all,
  };
}

function pathOf(at: number): string {
  return `src/d${String(Math.floor(at / 100)).padStart(4, "0")}/f${String(at).padStart(6, "0")}`;
}

function hashesOf(at: number): JsonObject {
  return { sha256: createHash("sha256").update(String(at)).digest("hex") };
}
