import { spawn, spawnSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Registry } from "@countersign/oci";
import { makeOciHttp } from "@countersign/oci/node";
import { pushImage } from "../src/registry-sample.ts";
import { startRegistry } from "../src/registry.ts";

/** How often one image is verified, and 100 of them. */
const rounds = { one: 21, hundred: 5 };

const main = fileURLToPath(new URL("../../../apps/cli/dist/main.js", import.meta.url));
const page = fileURLToPath(new URL("../../../docs/performance.md", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "countersign-bench-image-"));
const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
const secret = join(folder, "key.pem");
const publicKey = join(folder, "key.pub");
writeFileSync(secret, pair.privateKey.export({ type: "pkcs8", format: "pem" }));
writeFileSync(publicKey, pair.publicKey.export({ type: "spki", format: "pem" }));

/** The whole process: its time, and its peak memory by GNU time. Throws unless it ends with 0. */
function run(argv: readonly string[]): Promise<{ readonly ms: number; readonly megabytes: number }> {
  return new Promise((resolve, reject) => {
    const start = performance.now();
    const command = ["-f", "%M", process.execPath, main, "image", ...argv, "--danger-no-log"];
    const child = spawn("/usr/bin/time", command, { stdio: ["ignore", "ignore", "pipe"], env: { HOME: folder } });
    let text = "";
    child.stderr.on("data", (chunk: Buffer) => (text += chunk.toString()));
    child.on("close", (code) => {
      const ms = performance.now() - start;
      if (code === 0) resolve({ ms, megabytes: (Number(text.trim().split("\n").at(-1)) * 1024) / 1e6 });
      else reject(new Error(text));
    });
  });
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

function timeNode(): number {
  const start = performance.now();
  spawnSync(process.execPath, ["-e", "0"]);
  return performance.now() - start;
}

function row(what: string, must: string, measured: string, isReached: boolean): string {
  return `| ${what} | ${must} | ${measured} | ${isReached ? "yes" : "**no**"} |`;
}

const server = await startRegistry();
try {
  const registry = new Registry({ http: makeOciHttp(), sleep: async () => {} });
  const names: string[] = [];
  for (let at = 0; at < 100; at++) {
    await pushImage(registry, { registry: server.host, repository: `app${at}` }, `app ${at}`, "1");
    names.push(`${server.host}/app${at}:1`);
  }
  await run(["sign", ...names, "--key", secret]);
  const one: number[] = [];
  const node: number[] = [];
  let requests = 0;
  for (let at = 0; at < rounds.one; at++) {
    server.requests.length = 0;
    one.push((await run(["verify", names[at] ?? "", "--key", publicKey])).ms);
    requests = server.requests.length;
    node.push(timeNode());
  }
  const many = [];
  let allRequests = 0;
  for (let at = 0; at < rounds.hundred; at++) {
    server.requests.length = 0;
    many.push(await run(["verify", ...names, "--key", publicKey]));
    allRequests = server.requests.length;
  }
  const ms = median(one);
  const megabytes = Math.max(...many.map((each) => each.megabytes));
  const table = [
    `Measured on ${new Date(Date.now()).toISOString().slice(0, 10)}, Node ${process.versions.node}; \`node -e 0\`: ${median(node).toFixed(0)} ms.`,
    "",
    "| what | must be | measured | reached |",
    "| --- | --- | --- | --- |",
    row(
      "`countersign image verify` of one image, whole process",
      "≤ 120 ms",
      `${ms.toFixed(0)} ms (${rounds.one} rounds)`,
      ms <= 120,
    ),
    row("the same, requests", "≤ 6", `${requests}`, requests <= 6),
    row(
      "100 images in one run",
      "≤ 6 requests an image",
      `${median(many.map((each) => each.ms)).toFixed(0)} ms, ${allRequests} requests (${rounds.hundred} rounds)`,
      allRequests <= 600,
    ),
    row("the same, peak memory", "< 200 MB", `${megabytes.toFixed(0)} MB, the most of all rounds`, megabytes < 200),
  ].join("\n");
  const [begin, end] = ["<!-- bench-image:start, written by npm run bench:image -->", "<!-- bench-image:end -->"];
  const text = readFileSync(page, "utf8");
  const [from, to] = [text.indexOf(begin) + begin.length, text.indexOf(end)];
  writeFileSync(page, `${text.slice(0, from)}\n\n${table}\n\n${text.slice(to)}`);
  process.stdout.write(`${table}\n`);
} finally {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
}
