import { isBuiltin } from "node:module";
import type { Plugin } from "rolldown";

/**
 * Takes modules of Node by `process.getBuiltinModule` instead of by `import`, which would read every property of them
 * at once: node:http loads all of fetch that way, node:crypto WebCrypto, node:process opens the standard streams (12 ms in a command
 * without node:http, some 40 ms with it, measured).
 */
export const builtinsOnUse: Plugin = {
  name: "builtins-on-use",
  resolveId(id, importer) {
    if (!isBuiltin(id) || importer === undefined || importer.startsWith("\0")) return undefined;
    return `\0node:${id.replace(/^node:/, "")}`;
  },
  load(id) {
    return id.startsWith("\0node:") ? `module.exports = process.getBuiltinModule("${id.slice(1)}");` : undefined;
  },
};
