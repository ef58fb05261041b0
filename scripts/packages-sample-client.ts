/**
 * `node packages-sample-client.ts FOLDER`: what an update client does with the repository that packages-sample.ts made there. build-packages.ts
 * runs a copy of this file beside the packages, and watches which functions run.
 */
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { createUpdater, makeHttpFetcher, needTarget, saveTarget } from "@countersign/tuf";
import { httpFetch, openStore, openTargetFolder, sleep } from "@countersign/tuf/node";

const [folder = ""] = process.argv.slice(2);
const published = join(folder, "repo", "public");
const names = ["a.bin", "b/two.bin"];

const server = createServer((request, response) => {
  try {
    const bytes = readFileSync(join(published, decodeURIComponent(request.url ?? "")));
    response.writeHead(200, { "content-length": bytes.length, etag: `"${bytes.length}"` }).end(bytes);
  } catch {
    response.writeHead(404).end();
  }
});
await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
const { port } = server.address() as AddressInfo;

// For the first time, and again: then some of it is in the store.
for (let round = 0; round < 2; round++) {
  const mirrors = [{ metadataUrl: `http://127.0.0.1:${port}/metadata/` }];
  const fetch = makeHttpFetcher({ mirrors, fetch: httpFetch, sleep, tickMs: () => performance.now() });
  const root = new Uint8Array(readFileSync(join(published, "metadata", "1.root.json")));
  const updater = createUpdater({ root, store: openStore(join(folder, "store")), fetch, now: () => new Date() });
  await updater.refresh();
  const targets = await updater.targets(names);
  const out = await openTargetFolder(join(folder, "out"), { storeDirectory: join(folder, "store") });
  for (const [at, name] of names.entries()) await saveTarget(fetch, needTarget(name, targets[at]), out);
}
server.close();
server.closeAllConnections();
process.stdout.write(import.meta.resolve("@countersign/tuf"));
