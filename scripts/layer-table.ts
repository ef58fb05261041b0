/** What a folder under packages/ or apps/ may import: the table of docs/architecture.md. */
export interface Layer {
  /** Packages of this workspace, without the scope. */
  readonly mayImport: readonly string[];
  /** Packages of others, each with its reason in docs/decisions/0002-dependencies.md. */
  readonly outside: readonly string[];
  /** Runs only in Node: rules 3 and 5 do not apply. */
  readonly nodeOnly?: true;
}

const everyIndex = ["core", "tlog", "sigstore", "in-toto", "tuf", "oci", "policy", "pipeline", "local-sigstore"];

/** Every folder that may exist; a new one is entered here first. */
export const layers: ReadonlyMap<string, Layer> = new Map<string, Layer>([
  ["packages/core", { mayImport: [], outside: ["@noble/curves", "@noble/hashes", "@noble/post-quantum"] }],
  ["packages/tlog", { mayImport: ["core"], outside: [] }],
  ["packages/sigstore", { mayImport: ["core", "tlog"], outside: ["@noble/ciphers"] }],
  ["packages/in-toto", { mayImport: ["core"], outside: [] }],
  ["packages/tuf", { mayImport: ["core"], outside: [] }],
  ["packages/oci", { mayImport: ["core"], outside: [] }],
  ["packages/policy", { mayImport: ["core"], outside: ["re2js"] }],
  [
    "packages/pipeline",
    {
      mayImport: ["core", "tlog", "sigstore", "in-toto", "tuf", "oci", "policy"],
      outside: ["@sigstore/bundle", "@sigstore/protobuf-specs", "@sigstore/verify", "tuf-js"],
    },
  ],
  ["packages/local-sigstore", { mayImport: ["core", "tlog", "tuf"], outside: ["asn1js", "pkijs"], nodeOnly: true }],
  ["packages/testkit", { mayImport: everyIndex, outside: [], nodeOnly: true }],
  ["apps/cli", { mayImport: everyIndex, outside: ["commander", "pkcs11js", "yaml"], nodeOnly: true }],
  ["apps/webhook", { mayImport: ["pipeline", "oci", "policy"], outside: [], nodeOnly: true }],
  ["apps/page", { mayImport: ["pipeline"], outside: [] }],
]);

/** Outside packages that only these files of a package may import, and only when asked for. */
export const confined: ReadonlyMap<string, RegExp> = new Map([
  ["@sigstore/bundle", /\/second-opinion[^/]*\.ts$/],
  ["@sigstore/protobuf-specs", /\/second-opinion[^/]*\.ts$/],
  ["@sigstore/verify", /\/second-opinion[^/]*\.ts$/],
  ["tuf-js", /\/second-opinion[^/]*\.ts$/],
]);

/** Rule 4: the only files that make trust, one call in each. */
export const vouchers: ReadonlySet<string> = new Set([
  "packages/sigstore/src/verify.ts",
  "packages/in-toto/src/verify.ts",
  "packages/tuf/src/verify.ts",
  "packages/pipeline/src/verify.ts",
]);

/** Rule 4: where `vouch` is defined and handed out. */
export const vouchHomes: ReadonlySet<string> = new Set(["packages/core/src/claims.ts", "packages/core/src/index.ts"]);

/** Rule 5: where the real clock and network are made into arguments for everything else. */
export const worldFile: RegExp = /^packages\/pipeline\/src\/(world|http)(\.node|\.web)?\.ts$/;

/** Non-test source files may have this many lines. */
export const maxLines = 400;
