import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { publishedPackages, type PublishedPackage } from "./api.ts";
import { reportAndExit, repositoryRoot } from "./report.ts";
import { run } from "./run.ts";

/** A packed package and where its workspace folder is. */
export interface Packed extends PublishedPackage {
  readonly tarball: string;
}

/** What a stranger does with an installed package: run this, type-check that. */
export interface Consumer {
  readonly run: string;
  readonly types: string;
}

/** The Nodes that published packages promise to run in. */
export function promisedNodes(root: string): readonly string[] {
  const folder = join(root, "node_modules", `node-22-${process.platform}-${process.arch}`);
  return [process.execPath, join(folder, "bin", "node")];
}

/** Imports a package for what it is; the command's package must export `verify` and start. */
export function consumerOf(name: string): Consumer {
  const notAny = "type IsAny<T> = 0 extends 1 & T ? true : false;\n";
  if (name !== "countersign") {
    return {
      run: `import * as face from "${name}";\nif (Object.keys(face).length === 0) throw new Error("exports nothing");\n`,
      types: `import * as face from "${name}";\n${notAny}export const isAny: IsAny<typeof face> = false;\n`,
    };
  }
  return {
    run: 'import { verify } from "countersign";\nif (typeof verify !== "function") throw new Error("verify is no function");\n',
    types: `import { verify } from "countersign";\n${notAny}type Result = Awaited<ReturnType<typeof verify>>;
export const areAny: [IsAny<typeof verify>, IsAny<Result>] = [false, false];\n`,
  };
}

/** Packs every published package into a folder, as `pnpm publish` would. */
export async function packAll(root: string, folder: string): Promise<readonly Packed[]> {
  const packages = publishedPackages(root);
  const filters = packages.flatMap(({ name }) => ["--filter", name]);
  const { packageManager } = readManifest(root);
  const args = ["-y", packageManager ?? "pnpm", "-r", ...filters, "pack", "--pack-destination", folder];
  const { code, output } = await run("npx", args, { cwd: root });
  if (code !== 0) throw new Error(`pnpm pack: ${output}`);
  return packages.map((one) => {
    const { version } = readManifest(join(root, one.folder));
    return { ...one, tarball: join(folder, `${one.name.replace("@", "").replace("/", "-")}-${version}.tgz`) };
  });
}

/** Puts a packed package and what it declares as dependencies, nothing else, into `folder/node_modules`. No network. */
export async function install(root: string, packed: readonly Packed[], name: string, folder: string): Promise<void> {
  const target = join(folder, "node_modules", name);
  const found = packed.find((one) => one.name === name);
  if (found === undefined) throw new Error(`${name} is not a published package of the workspace`);
  if (existsSync(target)) return;
  mkdirSync(target, { recursive: true });
  const { code, output } = await run("tar", ["-xzf", found.tarball, "--strip-components=1", "-C", target], {
    cwd: folder,
  });
  if (code !== 0) throw new Error(`tar: ${output}`);
  for (const dependency of Object.keys(readManifest(target).dependencies ?? {})) {
    if (packed.some((one) => one.name === dependency)) await install(root, packed, dependency, folder);
    else link(join(root, found.folder, "node_modules", dependency), join(folder, "node_modules", dependency));
  }
}

/** Whether the package runs in every promised Node and type-checks, its own declarations included. */
export async function tryConsumer(root: string, folder: string, consumer: Consumer): Promise<readonly string[]> {
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }\n');
  writeFileSync(join(folder, "run.js"), consumer.run);
  writeFileSync(join(folder, "types.ts"), consumer.types);
  link(join(root, "node_modules/@types/node"), join(folder, "node_modules/@types/node"));
  const problems: string[] = [];
  for (const node of promisedNodes(root)) {
    const { code, output } = await run(node, ["run.js"], { cwd: folder });
    if (code !== 0) problems.push(`${node}: ${output}`);
  }
  const flags = "--noEmit --strict --target es2023 --module nodenext --types node types.ts".split(" ");
  const { code, output } = await run(join(root, "node_modules/.bin/tsc"), flags, { cwd: folder });
  return code === 0 ? problems : [...problems, `types: ${output}`];
}

interface Manifest {
  readonly version: string;
  readonly packageManager?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
}

async function checkOne(
  packed: readonly Packed[],
  { name, tarball }: Packed,
  base: string,
): Promise<readonly string[]> {
  const folder = join(base, name);
  mkdirSync(folder, { recursive: true });
  await install(repositoryRoot, packed, name, folder);
  const problems = [
    ...(await tryConsumer(repositoryRoot, folder, consumerOf(name))),
    ...(await lint("publint", ["run", tarball, "--strict"])),
    ...(await lint("attw", ["--no-definitely-typed", "--profile", "esm-only", "--no-emoji", "--no-color", tarball])),
    ...(name === "countersign" ? await tryCommand(folder) : []),
  ];
  return problems.map((problem) => `${name}: ${problem.trimEnd()}`);
}

async function tryCommand(folder: string): Promise<readonly string[]> {
  const results = promisedNodes(repositoryRoot).map(async (node) => {
    const main = join(folder, "node_modules/countersign/dist/main.js");
    const { code, output } = await run(node, [main, "--version"], { cwd: folder });
    return code === 0 ? [] : [`${node}: countersign --version: ${output}`];
  });
  return (await Promise.all(results)).flat();
}

async function lint(tool: string, args: readonly string[]): Promise<readonly string[]> {
  const { code, output } = await run(join(repositoryRoot, "node_modules/.bin", tool), args, { cwd: repositoryRoot });
  return code === 0 ? [] : [`${tool}: ${output}`];
}

function link(from: string, to: string): void {
  if (existsSync(to)) return;
  mkdirSync(dirname(to), { recursive: true });
  symlinkSync(realpathSync(from), to, "junction");
}

function readManifest(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest;
}

if (import.meta.main) {
  const base = mkdtempSync(join(tmpdir(), "package-"));
  try {
    const packed = await packAll(repositoryRoot, base);
    const problems: string[] = [];
    for (const one of packed) problems.push(...(await checkOne(packed, one, base)));
    reportAndExit("package", problems, `${packed.length} packages, ${promisedNodes(repositoryRoot).length} Nodes`);
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
}
