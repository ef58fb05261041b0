import { fileURLToPath } from "node:url";
import type { InputOptions, OutputOptions, Plugin } from "rolldown";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/**
 * commander loads node:child_process for subcommands that are programs of their own. There are none here, and the
 * module (with net, dgram and the rest behind it) would be the costliest part of starting up.
 */
const withoutChildProcess: Plugin = {
  name: "without-child-process",
  resolveId(id, importer) {
    return id === "node:child_process" && importer?.includes("commander") === true ? "\0no-child-process" : undefined;
  },
  load(id) {
    return id === "\0no-child-process" ? "export default {};" : undefined;
  },
};

/** From the sources of all packages, so that the packed command needs no package beside it. */
export const input: InputOptions = {
  input: {
    main: here("src/main.ts"),
    index: here("src/index.ts"),
    // core finds it at run time by the name #prehash, when a digest must be verified that node:crypto cannot take.
    prehash: here("../../packages/core/src/prehash.ts"),
  },
  platform: "node",
  resolve: { conditionNames: ["@countersign/source", "node", "import", "module", "default"] },
  plugins: [withoutChildProcess],
  treeshake: {
    moduleSideEffects: [
      { test: /main\.ts$/, sideEffects: true },
      { external: true, sideEffects: false },
    ],
  },
};

/** Many small chunks: a command reads only what it runs. */
export const output: OutputOptions = {
  format: "esm",
  dir: here("dist"),
  entryFileNames: "[name].js",
  chunkFileNames: "chunks/[name]-[hash].js",
  comments: { legal: true },
  minify: true,
};
