import { serveRepository } from "@countersign/tuf/node";

// Serves the folder given until it is killed: the peers are asked synchronously, so the server needs a process of its own.
const { url } = await serveRepository(process.argv[2] ?? ".", 0);
process.stdout.write(`${url}\n`);
