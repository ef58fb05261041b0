import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseKeyFile } from "@countersign/in-toto";
import type { JsonObject } from "@countersign/core";
import { must, run } from "./peer.ts";

/** Kinds of key, and the words by which OpenSSL makes one. */
export const keyKinds: Readonly<Record<string, readonly string[]>> = {
  ed25519: ["-algorithm", "ed25519"],
  "ecdsa P-224": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-224"],
  "ecdsa P-256": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
  "ecdsa P-384": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
  "ecdsa P-521": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"],
  "RSA 2048": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
  "RSA 3072": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072"],
};

export type Form = "metablock" | "dsse";

/** A folder with `owner.pem`, `owner.pub`, `worker.pem` and `worker.pub`, and an empty `links`. */
export function makeWorld(folder: string, worker: string, owner: string): string {
  const world = mkdtempSync(join(folder, "world-"));
  mkdirSync(join(world, "links"));
  makeKey(world, "owner", owner);
  makeKey(world, "worker", worker);
  return world;
}

/** An unencrypted key in PKCS#8, all that the peer reads, and its public half. */
function makeKey(world: string, name: string, kind: string): void {
  const words = keyKinds[kind] ?? [];
  must(run(world, "openssl", "genpkey", ...words, "-out", `${name}.pem`));
  must(run(world, "openssl", "pkey", "-in", `${name}.pem`, "-pubout", "-out", `${name}.pub`));
}

/** A key as layouts list it. */
export type ListedKey = JsonObject & { readonly keyid: string };

/** The key of a file as layouts list it. */
export function keyJson(world: string, name: string): ListedKey {
  const { json, keyid } = parseKeyFile(readFileSync(join(world, `${name}.pub`)));
  return { ...json, keyid };
}

/** The two steps of every chain here: one writes `src/a`, one packs it into `out/a`. */
export const steps: readonly { readonly name: string; readonly words: readonly string[] }[] = [
  { name: "write", words: ["-p", "src", "--", "sh", "-c", "mkdir -p src && echo a > src/a"] },
  { name: "pack", words: ["-m", "src", "-p", "out", "--", "sh", "-c", "mkdir -p out && cp src/a out/a"] },
];

/** Writes `root.layout`, unsigned: both steps by the keys, or whom `more` says. */
export function writeLayout(world: string, keys: readonly ListedKey[], more: LayoutParts = {}): void {
  const pubkeys = keys.map(({ keyid }) => keyid);
  const base = { _type: "step", expected_command: [], pubkeys, threshold: 1, ...more.step };
  const disallow = ["DISALLOW", "*"];
  const signed = {
    _type: "layout",
    expires: "2100-01-01T00:00:00Z",
    inspect: [],
    keys: Object.fromEntries(keys.map((key) => [key.keyid, key])),
    readme: "",
    steps: [
      { ...base, name: "write", expected_materials: [disallow], expected_products: [["CREATE", "src/*"], disallow] },
      {
        ...base,
        name: "pack",
        expected_materials: [["MATCH", "src/*", "WITH", "PRODUCTS", "FROM", "write"], disallow],
        expected_products: [["MATCH", "*", "IN", "out", "WITH", "PRODUCTS", "IN", "src", "FROM", "write"], disallow],
      },
    ],
    ...more.layout,
  };
  writeFileSync(join(world, "root.layout"), JSON.stringify({ signatures: [], signed }));
}

/** What is added to the layout, and to each of its steps. */
export interface LayoutParts {
  readonly layout?: JsonObject;
  readonly step?: JsonObject;
}
