import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The services, by the folders here that pin them; the program of each has that name too. */
export const serviceNames = ["fulcio", "rekor-tiles", "timestamp-authority"] as const;
export type ServiceName = (typeof serviceNames)[number];

/** A program for each service with the version of its module, or why one cannot be had. */
export type Services =
  | {
      readonly programs: Readonly<Record<ServiceName, string>>;
      readonly versions: Readonly<Record<ServiceName, string>>;
    }
  | { readonly missing: string };

const modules: Readonly<Record<ServiceName, string>> = {
  fulcio: "github.com/sigstore/fulcio",
  "rekor-tiles": "github.com/sigstore/rekor-tiles/v2",
  "timestamp-authority": "github.com/sigstore/timestamp-authority/v2",
};
const commands: Readonly<Record<ServiceName, string>> = {
  fulcio: "",
  "rekor-tiles": "/cmd/rekor-server/posix",
  "timestamp-authority": "/cmd/timestamp-server",
};
const buildTimeoutMs = 1_800_000;

/** Builds the services as the go.mod files pin them, or takes those in the folder that COUNTERSIGN_SIGSTORE_SERVICES names. */
export function buildServices(): Services & { readonly remove: () => void } {
  const given = process.env["COUNTERSIGN_SIGSTORE_SERVICES"];
  const folder = given ?? mkdtempSync(join(tmpdir(), "countersign-services-"));
  const remove = (): void => (given === undefined ? rmSync(folder, { recursive: true, force: true }) : undefined);
  const rows: { readonly name: ServiceName; readonly program: string; readonly version: string }[] = [];
  for (const name of serviceNames) {
    const program = join(folder, name);
    const problem = existsSync(program) ? undefined : buildService(name, program);
    if (problem !== undefined) return { missing: `${name}: ${problem}`, remove };
    rows.push({ name, program, version: versionOf(program, modules[name]) });
  }
  const all = (field: "program" | "version"): Record<ServiceName, string> =>
    Object.fromEntries(rows.map((row) => [row.name, row[field]])) as Record<ServiceName, string>;
  return { programs: all("program"), versions: all("version"), remove };
}

/** Gives what went wrong. Each module asks for its own Go; `auto` lets the one that is here fetch it. */
function buildService(name: ServiceName, program: string): string | undefined {
  const cwd = fileURLToPath(new URL(`${name}/`, import.meta.url));
  const env = { ...process.env, GOTOOLCHAIN: "auto" };
  if (spawnSync("go", ["version"], { cwd, env }).status !== 0) return "no Go on the PATH that is new enough";
  const argv = ["build", "-buildvcs=false", "-trimpath", "-o", program, `${modules[name]}${commands[name]}`];
  const { status, stderr } = spawnSync("go", argv, { cwd, env, encoding: "utf8", timeout: buildTimeoutMs });
  return status === 0 ? undefined : `go build: ${stderr.trim().split("\n").at(-1) ?? ""}`;
}

/** What a program says that it was built from. */
function versionOf(program: string, module: string): string {
  const { stdout } = spawnSync("go", ["version", "-m", program], { encoding: "utf8" });
  return new RegExp(`^\\s*(?:mod|dep)\\s+${module}\\s+(\\S+)`, "m").exec(stdout)?.[1] ?? "unknown";
}
