import { spawnSync, type SpawnSyncReturns } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startDockerRegistry } from "./docker-registry.ts";
import { freePort, startProgram, type RegistryPlace, type RunningRegistry } from "./registry-program.ts";

/** A registry that is built from a Go module when somebody asks for it. */
export interface GoRegistry {
  readonly name: string;
  /** What keeps the list of an image's referrers: its API, or a tag that clients write. */
  readonly list: "api" | "tag";
  /** What its list takes for the types of artifacts; specifications before 1.1 had the config's there. */
  readonly types?: "of the config";
  /** Whether each repository has its own blobs. */
  readonly blobs: "of each repository" | "of all";
  /** Undefined if it was built, else why not. */
  build(program: string): string | undefined;
  start(program: string): Promise<RunningRegistry>;
}

/** The registries that can be had as Go modules: the command of a module as it locked its own dependencies, or ours in `interop`. */
export const goRegistries: readonly GoRegistry[] = [
  {
    name: "zot 1.4.3",
    list: "api",
    types: "of the config",
    blobs: "of all",
    build: (program) =>
      buildModule(program, {
        module: "github.com/project-zot/zot",
        version: "v1.4.3",
        sum: "h1:/6btePyKpR2R1FwGa8WhqtviB10Ox5Yw+rsYVmenhFI=",
        argv: ["-tags", "containers_image_openpgp", "./cmd/zot"],
      }),
    start: startZot,
  },
  {
    name: "distribution 3.1.2",
    list: "tag",
    blobs: "of each repository",
    build: (program) =>
      buildModule(program, {
        module: "github.com/distribution/distribution/v3",
        version: "v3.1.2",
        sum: "h1:/Bv2YIqqSR00HiO49FT93hovy6r9IlrzwUDsJjCN5qg=",
        argv: ["./cmd/registry"],
      }),
    start: (program) => startDockerRegistry({ program }),
  },
  {
    name: "go-containerregistry 0.22.1",
    list: "api",
    types: "of the config",
    blobs: "of all",
    build: (program) =>
      buildIn(fileURLToPath(new URL("../../../interop/registries/ggcr", import.meta.url)), program, ["."]),
    // oxlint-disable-next-line typescript/require-await -- as those that write a configuration
    start: (program) => startProgram(program, async ({ host }) => [host]),
  },
];

/** Builds one; `program` is where it is, or `missing` says why it is not. */
export function buildGoRegistry(
  registry: GoRegistry,
): { readonly remove: () => void } & ({ readonly program: string } | { readonly missing: string }) {
  const folder = mkdtempSync(join(tmpdir(), "countersign-go-registry-"));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  const program = join(folder, "registry");
  const missing = go(folder, "version").status === 0 ? registry.build(program) : "no Go on the PATH";
  return missing === undefined ? { program, remove } : { missing, remove };
}

interface Module {
  readonly module: string;
  readonly version: string;
  /** As go.sum has it. */
  readonly sum: string;
  readonly argv: readonly string[];
}

const buildTimeoutMs = 1_800_000;

/** In the folder of the module itself, so that its own go.sum says what it is made of. */
function buildModule(program: string, { module, version, sum, argv }: Module): string | undefined {
  const { stdout } = go(tmpdir(), "mod", "download", "-json", `${module}@${version}`);
  const got = JSON.parse(stdout) as { Dir?: string; Sum?: string; Error?: string };
  if (got.Dir === undefined) return got.Error ?? `${module} cannot be had`;
  if (got.Sum !== sum) return `${module} has the sum ${got.Sum}, not ${sum}`;
  return buildIn(got.Dir, program, argv);
}

function buildIn(folder: string, program: string, argv: readonly string[]): string | undefined {
  const built = go(folder, "build", "-mod=readonly", "-buildvcs=false", "-trimpath", "-o", program, ...argv);
  return built.status === 0 ? undefined : `go build: ${built.stderr.trim().split("\n").at(-1) ?? ""}`;
}

function go(cwd: string, ...argv: readonly string[]): SpawnSyncReturns<string> {
  const env = { ...process.env, CGO_ENABLED: "0" };
  return spawnSync("go", argv, { cwd, encoding: "utf8", timeout: buildTimeoutMs, env });
}

async function startZot(program: string): Promise<RunningRegistry> {
  // It listens on port 0 and does not say where that is.
  const port = await freePort();
  const argvOf = async ({ folder }: RegistryPlace): Promise<readonly string[]> => {
    const config = join(folder, "config.json");
    const settings = {
      storage: { rootDirectory: join(folder, "data"), gc: false },
      http: { address: "127.0.0.1", port: String(port) },
      log: { level: "error" },
    };
    await writeFile(config, JSON.stringify(settings));
    return ["serve", config];
  };
  return await startProgram(program, argvOf, port);
}
