import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { makeVerifier, parsePublicKey } from "@countersign/core";
import { githubActionsClaims, makeAuthority, makeKeyPair, pem, startLocalSigstore } from "@countersign/local-sigstore";
import type { LocalSigstore } from "@countersign/local-sigstore";
import { password, runnerIn, type Lab, type Run } from "../sigstore-clients/lab.ts";
import type { Services } from "./build.ts";
import { openFront } from "./front.ts";

/** A lab whose certificate authority, log and timestamp authority are Sigstore's own programs. */
export interface ServiceLab extends Lab {
  /** The log's name, as its checkpoints carry it. */
  readonly origin: string;
  /** Where the log keeps its tiles. */
  readonly tiles: string;
  readonly rekorUrl: string;
  /** A second issuer, whose tokens are those of GitHub Actions. */
  readonly github: LocalSigstore;
  /** The local Sigstore that is issuer, CT log and witness. */
  readonly around: LocalSigstore;
}

const readyWithinMs = 30_000;
const origin = "rekor.services.test";

/** Starts the services; what stands around them is our local Sigstore: the issuer of tokens, the CT log and a witness. */
export async function openServiceLab({ programs }: Extract<Services, { programs: object }>): Promise<ServiceLab> {
  const folder = mkdtempSync(join(tmpdir(), "countersign-service-lab-"));
  const path = (name: string): string => join(folder, name);
  const write = (name: string, content: string): string => {
    writeFileSync(path(name), content);
    return path(name);
  };
  const { run, ours } = runnerIn(folder);
  const workshop = { path, write, ours };
  await makeKeys(workshop);
  const spki = parsePublicKey(readFileSync(path("rekor.pub"), "utf8"));
  const log = { name: origin, verifier: makeVerifier(spki), dialect: "c2sp" } as const;
  const around = await startLocalSigstore({ dir: path("around"), witnessedLogs: [log] });
  const github = await startLocalSigstore();
  const running = startPrograms(path);
  const started = await startServices({ programs, start: running.start, path, write, around, github });
  const front = await openFront(started.rekor, path("tiles"));
  const urls = { ...started, rekor: front.url };
  await makeTrust({ ...workshop, around, urls });
  const close = async (): Promise<void> => {
    running.stop();
    await Promise.all([around.close(), github.close(), front.close()]);
    rmSync(folder, { recursive: true, force: true });
  };
  return {
    ...asLab({ ...workshop, run, around }),
    origin,
    tiles: path("tiles"),
    rekorUrl: urls.rekor,
    github,
    around,
    close,
  };
}

/** What every client's tests need of a lab. */
function asLab(o: Workshop & Pick<Lab, "run"> & Pick<ServiceLab, "around">): Omit<Lab, "close"> {
  const { path, write, around } = o;
  const identity = "releases@example.com";
  const token = (): Promise<string> => around.token({ email: identity });
  const trust = ["--trusted-root", path("trusted_root.json")];
  const signing = ["--signing-config", path("signing_config.json"), ...trust, "--yes"];
  return {
    url: around.url,
    identity,
    path,
    write,
    token,
    run: o.run,
    ours: o.ours,
    trust,
    signing,
    keyless: async () => [...signing, "--identity-token", write("token.jwt", await token())],
    expected: ["--certificate-identity", identity, "--certificate-oidc-issuer", around.url],
  };
}

type Start = (program: string, ...argv: readonly string[]) => void;

/** Programs that run until they are stopped; what they say goes into one file. */
function startPrograms(path: (name: string) => string): { readonly start: Start; readonly stop: () => void } {
  const said = openSync(path("services.log"), "a");
  const running: ChildProcess[] = [];
  return {
    start: (program, ...argv) => void running.push(spawn(program, argv, { stdio: ["ignore", said, said] })),
    stop: () => {
      for (const child of running) child.kill("SIGKILL");
      closeSync(said);
    },
  };
}

interface Workshop {
  readonly path: (name: string) => string;
  readonly write: (name: string, content: string) => string;
  readonly ours: Run;
}

/** The services read encrypted keys as our own command writes them. */
async function makeKeys({ path, write, ours }: Workshop): Promise<void> {
  const key = makeKeyPair("p384");
  const ca = makeAuthority({ uri: "https://fulcio.services.test", now: () => new Date(), key });
  write("ca-chain.pem", ca.chain.map((der) => pem("CERTIFICATE", der)).join(""));
  const plain = write("ca-plain.pem", key.privateKey.export({ type: "pkcs8", format: "pem" }).toString());
  for (const argv of [
    ["key", "import", plain, "--output", path("ca")],
    ["key", "generate", "--type", "ed25519", "--output", path("rekor")],
  ]) {
    const { code, text } = await ours(...argv);
    if (code !== 0) throw new Error(text);
  }
}

interface Urls {
  readonly fulcio: string;
  readonly rekor: string;
  readonly tsa: string;
}

interface Starting extends Pick<ServiceLab, "path" | "write" | "around" | "github"> {
  readonly programs: Extract<Services, { programs: object }>["programs"];
  readonly start: Start;
}

async function startServices(o: Starting): Promise<Urls> {
  const [fulcio = 0, rekor = 0, tsa = 0, ...more] = await freePorts(7);
  startFulcio(o, [fulcio, ...more.slice(0, 2)]);
  startRekor(o, [rekor, ...more.slice(2)]);
  const argv = flags({ host: "127.0.0.1", port: tsa, "disable-ntp-monitoring": "true" });
  o.start(o.programs["timestamp-authority"], "serve", ...argv);
  const at = (port: number): string => `http://127.0.0.1:${port}`;
  const urls = [`${at(fulcio)}/healthz`, `${at(rekor)}/healthz`, `${at(tsa)}/ping`];
  await Promise.all(urls.map((url) => ready(url, o.path)));
  return { fulcio: at(fulcio), rekor: at(rekor), tsa: at(tsa) };
}

function startFulcio({ programs, start, path, write, around, github }: Starting, ports: readonly number[]): void {
  const [http = 0, grpc = 0, metrics = 0] = ports;
  const OIDCIssuers = { ...issuer(around.url, "email"), ...issuer(github.url, "github-workflow") };
  write("fulcio.json", JSON.stringify({ OIDCIssuers }));
  write("ct-log.pem", pem("PUBLIC KEY", around.ctLog.key.spki));
  const argv = flags({
    host: "127.0.0.1",
    port: http,
    "grpc-host": "127.0.0.1",
    "grpc-port": grpc,
    "metrics-port": metrics,
    "legacy-unix-domain-socket": `@countersign-${http}`,
    ca: "fileca",
    "fileca-cert": path("ca-chain.pem"),
    "fileca-key": path("ca.key"),
    "fileca-key-passwd": password,
    "fileca-watch": "false",
    "config-path": path("fulcio.json"),
    "ct-log-url": around.url,
    "ct-log-public-key-path": path("ct-log.pem"),
  });
  start(programs.fulcio, "serve", ...argv);
}

function startRekor({ programs, start, path, write, around }: Starting, ports: readonly number[]): void {
  const [http = 0, grpc = 0, metrics = 0] = ports;
  const vkey = around.witnesses[0]?.vkey ?? "";
  write("witness.policy", `witness w ${vkey} ${around.url}/witness/0/\ngroup one 1 w\nquorum one\n`);
  mkdirSync(path("tiles"));
  const argv = flags({
    "http-port": http,
    "grpc-port": grpc,
    "http-metrics-port": metrics,
    hostname: origin,
    "storage-dir": path("tiles"),
    "witness-policy-path": path("witness.policy"),
    "signer-filepath": path("rekor.key"),
    "signer-password": password,
    "checkpoint-interval": "1s",
  });
  start(programs["rekor-tiles"], "serve", ...argv);
}

function flags(values: Readonly<Record<string, string | number>>): readonly string[] {
  return Object.entries(values).map(([name, value]) => `--${name}=${value}`);
}

function issuer(url: string, type: string): Record<string, object> {
  return { [url]: { IssuerURL: url, ClientID: "sigstore", Type: type } };
}

/** What whoever runs these services would do: `trust create`, and for clients in Python both files in one. */
async function makeTrust(o: Workshop & { readonly around: LocalSigstore; readonly urls: Urls }): Promise<void> {
  const { path, write, ours, around, urls } = o;
  const chain = await fetch(`${urls.tsa}/api/v1/timestamp/certchain`);
  write("tsa-chain.pem", await chain.text());
  const since = new Date(Date.now() - 60_000).toISOString().replace(/\.\d+/, "");
  const parts = flags({
    fulcio: `url=${urls.fulcio},certificate-chain=${path("ca-chain.pem")}`,
    ctfe: `url=${around.url},public-key=${path("ct-log.pem")},start-time=${since}`,
    rekor: `url=${urls.rekor},public-key=${path("rekor.pub")},api-version=2,origin=${origin},start-time=${since}`,
    tsa: `url=${urls.tsa}/api/v1/timestamp,certificate-chain=${path("tsa-chain.pem")}`,
    "oidc-provider": `url=${around.url}`,
    output: path("trusted_root.json"),
    "output-signing-config": path("signing_config.json"),
  });
  const { code, text } = await ours("trust", "create", ...parts);
  if (code !== 0) throw new Error(text);
  const read = (name: string): unknown => JSON.parse(readFileSync(path(name), "utf8"));
  const mediaType = "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json";
  const [trustedRoot, signingConfig] = [read("trusted_root.json"), read("signing_config.json")];
  write("trust_config.json", JSON.stringify({ mediaType, trustedRoot, signingConfig }));
}

/** Waits until something answers with 200. */
async function ready(url: string, path: (name: string) => string): Promise<void> {
  for (const end = Date.now() + readyWithinMs; Date.now() < end; await sleep(100)) {
    const ok = await fetch(url).then(
      (response) => response.ok,
      () => false,
    );
    if (ok) return;
  }
  throw new Error(`${url} does not answer:\n${readFileSync(path("services.log"), "utf8")}`);
}

async function freePorts(count: number): Promise<readonly number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** A token of a run of GitHub Actions. */
export function githubToken(lab: ServiceLab): Promise<string> {
  const claims = githubActionsClaims({ repository: "octo-org/octo-app", ref: "refs/tags/v1.2.3" });
  return lab.github.token({ claims });
}
