import { generateKeyPairSync } from "node:crypto";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { listReferrers, Registry } from "@countersign/oci";
import { makeOciHttp } from "@countersign/oci/node";
import { startDockerRegistry } from "../src/docker-registry.ts";
import { pushImage } from "../src/registry-sample.ts";

/** How many processes sign one image at once, and how often that is done. */
const processes = 10;
const rounds = 20;

const main = fileURLToPath(new URL("../../../apps/cli/dist/main.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "countersign-attach-"));
const key = join(folder, "key.pem");
writeFileSync(
  key,
  generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ type: "pkcs8", format: "pem" }),
);

/** The exit code of one `countersign image sign`, and what it wrote. */
function sign(image: string): Promise<{ readonly code: number | null; readonly text: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [main, "image", "sign", image, "--key", key, "--danger-no-log"], {
      stdio: ["ignore", "ignore", "pipe"],
      env: {},
    });
    const chunks: Uint8Array[] = [];
    child.stderr.on("data", (chunk: Uint8Array) => chunks.push(chunk));
    child.on("close", (code) => resolve({ code, text: Buffer.concat(chunks).toString() }));
  });
}

const running = await startDockerRegistry();
let [kept, said] = [0, 0];
try {
  for (let round = 0; round < rounds; round++) {
    const registry = new Registry({ http: makeOciHttp(), sleep: async () => {} });
    const repository = { registry: running.host, repository: `round${round}` };
    const digest = await pushImage(registry, repository, `round ${round}`);
    const image = `${running.host}/${repository.repository}@${digest}`;
    const outcomes = await Promise.all(Array.from({ length: processes }, () => sign(image)));
    const succeeded = outcomes.filter(({ code }) => code === 0).length;
    const { entries } = await listReferrers(registry, repository, digest);
    process.stdout.write(`round ${round + 1}: ${succeeded} said that it is stored, ${entries.length} are listed\n`);
    if (outcomes.some(({ code }) => code !== 0)) process.stdout.write(outcomes.map(({ text }) => text).join(""));
    kept += entries.length;
    said += succeeded;
  }
  process.stdout.write(`${kept} of ${said} signatures survived (${processes} processes at once, ${rounds} rounds)\n`);
} finally {
  await running.close();
  rmSync(folder, { recursive: true, force: true });
}
