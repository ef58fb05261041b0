#!/usr/bin/env node
import { useCompileCache } from "./compile-cache.ts";

const oldestNode = [22, 13] as const;

/** Whether this Node can run the rest, which is loaded only then: an old one could not even parse it. */
function isNodeUsable(): boolean {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  return major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1]);
}

if (isNodeUsable()) {
  useCompileCache(process.env, process.getuid?.());
  const { main } = await import("./program.ts");
  // All is written by now. To take the heap down in order, as an end by itself does, would take a millisecond.
  process.exit(await main(process.argv.slice(2)));
} else {
  process.stderr.write(
    `countersign: error: Node ${oldestNode.join(".")} or newer is needed, this is ${process.version}\n` +
      "countersign: hint: install a newer Node, or run bin/countersign from a clone, which brings its own\n",
  );
  process.exitCode = 3;
}
