/** For tests: `node --import chunks.preload.ts main.js …` writes the files that were loaded, as a JSON list, to the file $CHUNKS_FILE names. */
import { writeFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { fileURLToPath } from "node:url";

const loaded: string[] = [];

registerHooks({
  load(url, context, next) {
    if (url.startsWith("file:")) loaded.push(fileURLToPath(url));
    return next(url, context);
  },
});

const file = process.env["CHUNKS_FILE"];
process.once("exit", () => {
  if (file !== undefined) writeFileSync(file, JSON.stringify(loaded));
});
