import { spawn, spawnSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startLocalSigstore } from "@countersign/local-sigstore";
import { Registry } from "@countersign/oci";
import { makeOciHttp } from "@countersign/oci/node";
import { pushImage } from "../src/registry-sample.ts";
import { startRegistry } from "../src/registry.ts";

/** How often one image is verified, and 100 of them: by us in one run, by cosign in a run each. */
const rounds = { one: 21, hundred: 5, cosign: 7 };

const main = fileURLToPath(new URL("../../../apps/cli/dist/main.js", import.meta.url));
const page = fileURLToPath(new URL("../../../docs/performance.md", import.meta.url));
/** The home of both programs, with the folder for caches that a home has. */
const folder = mkdtempSync(join(tmpdir(), "countersign-bench-image-"));
mkdirSync(join(folder, ".cache"), { mode: 0o700 });
const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
const secret = join(folder, "key.pem");
const publicKey = join(folder, "key.pub");
writeFileSync(secret, pair.privateKey.export({ type: "pkcs8", format: "pem" }));
writeFileSync(publicKey, pair.publicKey.export({ type: "spki", format: "pem" }));

/** What one process took: by the clock, of the processors, and its peak memory, by GNU time. */
interface Ran {
  readonly ms: number;
  readonly cpuMs: number;
  readonly megabytes: number;
}

/** Throws unless it ends with 0. */
function run(argv: readonly string[]): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const start = performance.now();
    const command = ["-f", "%M %U %S", ...argv];
    const child = spawn("/usr/bin/time", command, { stdio: ["ignore", "ignore", "pipe"], env: { HOME: folder } });
    let text = "";
    child.stderr.on("data", (chunk: Buffer) => (text += chunk.toString()));
    child.on("close", (code) => {
      const ms = performance.now() - start;
      const [kilobytes = 0, user = 0, system = 0] = (text.trim().split("\n").at(-1) ?? "").split(" ").map(Number);
      if (code === 0) resolve({ ms, cpuMs: (user + system) * 1000, megabytes: (kilobytes * 1024) / 1e6 });
      else reject(new Error(text));
    });
  });
}

const ours = (...argv: readonly string[]): Promise<Ran> => run([process.execPath, main, "image", ...argv]);

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

function timeNode(): number {
  const start = performance.now();
  spawnSync(process.execPath, ["-e", "0"]);
  return performance.now() - start;
}

function row(what: string, must: string, measured: string, isReached: boolean | undefined): string {
  const reached = isReached === undefined ? "" : isReached ? "yes" : "**no**";
  return `| ${what} | ${must} | ${measured} | ${reached} |`;
}

/** The program that COUNTERSIGN_COSIGN names, and its version. */
function findCosign(): { readonly program: string; readonly version: string } | undefined {
  const program = process.env["COUNTERSIGN_COSIGN"];
  if (program === undefined) return undefined;
  const { stdout } = spawnSync(program, ["version", "--json"], { encoding: "utf8" });
  return { program, version: (JSON.parse(stdout) as { gitVersion: string }).gitVersion };
}

interface Compared {
  readonly version: string;
  readonly requests: number;
  /** All 100 runs of a round, and those of ours in one run that took turns with them. */
  readonly theirs: readonly Ran[];
  readonly ours: readonly Ran[];
}

const sum = (runs: readonly Ran[]): Ran => ({
  ms: runs.reduce((total, each) => total + each.ms, 0),
  cpuMs: runs.reduce((total, each) => total + each.cpuMs, 0),
  megabytes: Math.max(...runs.map((each) => each.megabytes)),
});

/** By turns: 100 runs of cosign, one of ours. */
async function compare(names: readonly string[], trust: readonly string[]): Promise<Compared | undefined> {
  const cosign = findCosign();
  if (cosign === undefined) return undefined;
  const verify = (name: string): Promise<Ran> => run([cosign.program, "verify", name, ...trust]);
  await verify(names[0] ?? "");
  server.requests.length = 0;
  await verify(names[0] ?? "");
  const requests = server.requests.length;
  const compared = { theirs: [] as Ran[], ours: [] as Ran[] };
  for (let round = 0; round < rounds.cosign; round++) {
    const runs: Ran[] = [];
    for (const name of names) runs.push(await verify(name));
    compared.theirs.push(sum(runs));
    compared.ours.push(await ours("verify", ...names, ...trust));
  }
  return { version: cosign.version, requests, ...compared };
}

function comparedRows(compared: Compared | undefined): readonly string[] {
  const what = "100 images in one run, against 100 runs of cosign";
  if (compared === undefined)
    return [row(what, "≥ 15 × faster", "not measured: COUNTERSIGN_COSIGN names no cosign", undefined)];
  const [theirs, own] = [median(compared.theirs.map(({ ms }) => ms)), median(compared.ours.map(({ ms }) => ms))];
  const cpu = median(compared.theirs.map(({ cpuMs }) => cpuMs)) / median(compared.ours.map(({ cpuMs }) => cpuMs));
  const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`;
  return [
    row(
      `${what} ${compared.version}, by turns`,
      "≥ 15 × faster",
      `${(theirs / own).toFixed(1)} ×: ${seconds(own)} and ${seconds(theirs)} (${rounds.cosign} rounds); of processor time ${cpu.toFixed(0)} ×`,
      theirs / own >= 15,
    ),
    row("requests of cosign for one image", "", `${compared.requests}`, undefined),
  ];
}

const server = await startRegistry();
const sigstore = await startLocalSigstore({ dir: join(folder, "sigstore") });
try {
  const registry = new Registry({ http: makeOciHttp(), sleep: async () => {} });
  const names: string[] = [];
  for (let at = 0; at < 100; at++) {
    await pushImage(registry, { registry: server.host, repository: `app${at}` }, `app ${at}`, "1");
    names.push(`${server.host}/app${at}:1`);
  }
  const root = ["--trusted-root", join(folder, "sigstore/trusted_root.json")];
  const services = ["--signing-config", join(folder, "sigstore/signing_config.json"), ...root];
  await ours("sign", ...names, "--key", secret, ...services);
  const trust = ["--key", publicKey, ...root];
  const one: number[] = [];
  const node: number[] = [];
  let requests = 0;
  for (let at = 0; at < rounds.one; at++) {
    server.requests.length = 0;
    one.push((await ours("verify", names[at] ?? "", ...trust)).ms);
    requests = server.requests.length;
    node.push(timeNode());
  }
  const many: Ran[] = [];
  let allRequests = 0;
  for (let at = 0; at < rounds.hundred; at++) {
    server.requests.length = 0;
    many.push(await ours("verify", ...names, ...trust));
    allRequests = server.requests.length;
  }
  const compared = await compare(names, trust);
  const ms = median(one);
  const { megabytes } = sum([...many, ...(compared?.ours ?? [])]);
  const load = loadavg().map((each) => each.toFixed(1));
  const table = [
    `Measured on ${new Date(Date.now()).toISOString().slice(0, 10)}, Node ${process.versions.node}; \`node -e 0\`: ${median(node).toFixed(0)} ms; load averages at the end ${load.join(", ")}.`,
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
    ...comparedRows(compared),
  ].join("\n");
  const [begin, end] = ["<!-- bench-image:start, written by npm run bench:image -->", "<!-- bench-image:end -->"];
  const text = readFileSync(page, "utf8");
  const [from, to] = [text.indexOf(begin) + begin.length, text.indexOf(end)];
  writeFileSync(page, `${text.slice(0, from)}\n\n${table}\n\n${text.slice(to)}`);
  process.stdout.write(`${table}\n`);
} finally {
  await server.close();
  await sigstore.close();
  rmSync(folder, { recursive: true, force: true });
}
