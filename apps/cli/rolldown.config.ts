import { fileURLToPath } from "node:url";
import type { InputOptions, OutputOptions, Plugin } from "rolldown";
import { builtinsOnUse } from "../../scripts/builtins-on-use.ts";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** commander's node:child_process, for subcommands that are programs of their own, is left out: there are none. */
const noSubprograms: Plugin = {
  name: "no-subprograms",
  resolveId: (id, importer) =>
    id === "node:child_process" && importer?.includes("commander") === true ? "\0none" : undefined,
  load: (id) => (id === "\0none" ? "module.exports = {};" : undefined),
};

/** From the sources of all packages, so that the packed command needs no package beside it. */
export const input: InputOptions = {
  input: {
    main: here("src/main.ts"),
    index: here("src/index.ts"),
    // core finds these two at run time, as #ml-dsa and #prehash, when it is asked for what node:crypto cannot do.
    "ml-dsa": here("../../packages/core/src/ml-dsa.ts"),
    prehash: here("../../packages/core/src/prehash.ts"),
    // pipeline starts the threads of a list from this one.
    "lane-worker": here("../../packages/pipeline/src/lane-worker.node.ts"),
    // pipeline asks tuf-js in a process that begins here.
    "tuf-replay": here("../../packages/pipeline/src/second-opinion-tuf-child.node.ts"),
    // in-toto starts threads from this one.
    "hash-worker": here("../../packages/in-toto/src/hash-worker.node.ts"),
  },
  preserveEntrySignatures: "allow-extension",
  platform: "node",
  // Installed beside the command by whoever keeps keys on a token, or wants a second opinion.
  external: ["pkcs11js", "@sigstore/bundle", "@sigstore/protobuf-specs", "@sigstore/verify"],
  resolve: { conditionNames: ["@countersign/source", "node", "import", "module", "default"] },
  plugins: [noSubprograms, builtinsOnUse],
  treeshake: {
    moduleSideEffects: [
      { test: /(?:main|-worker\.node|-child\.node)\.ts$/, sideEffects: true },
      { external: true, sideEffects: false },
    ],
  },
};

/** Many small chunks: a command reads only what it runs. build-chunks.ts puts those of a few commands together. */
export const output: OutputOptions = {
  format: "esm",
  dir: here("dist"),
  entryFileNames: "[name].js",
  chunkFileNames: "chunks/[name]-[hash].js",
  comments: { legal: true },
  minify: process.env["PLAIN"] === undefined,
};
