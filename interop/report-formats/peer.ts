import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The versions that docs/interop.md names. */
export const pinned = { multitool: "5.7.0", jsonschema: "4.26.0", pytest: "8.4.2", xmlschema: "4.3.2" } as const;

/** What a judge finds wrong in a report: nothing if it is right. */
export type Judge = (report: string) => readonly string[];
export type Found = { readonly judge: Judge } | { readonly missing: string };

/** A folder for the judges, which is removed unless COUNTERSIGN_REPORT_PEERS names it. */
export function peerFolder(): { readonly folder: string; readonly remove: () => void } {
  const given = process.env["COUNTERSIGN_REPORT_PEERS"];
  const folder = given ?? mkdtempSync(join(tmpdir(), "countersign-report-peers-"));
  mkdirSync(folder, { recursive: true });
  return { folder, remove: () => (given === undefined ? rmSync(folder, { recursive: true, force: true }) : undefined) };
}

const timeout = 300_000;

/** A Python with this package, in an environment of its own. */
function pythonWith(folder: string, name: "jsonschema" | "xmlschema"): string {
  const venv = join(folder, name);
  const python = join(venv, "bin", "python");
  if (existsSync(python)) return python;
  execFileSync("python3", ["-m", "venv", venv], { stdio: "pipe", timeout });
  pip(python, "install", `${name}==${pinned[name]}`);
  return python;
}

function pip(python: string, ...argv: readonly string[]): void {
  execFileSync(python, ["-m", "pip", "--quiet", "--disable-pip-version-check", ...argv], { stdio: "pipe", timeout });
}

/** Runs a program of Python with a schema and a report; each line that it prints is something wrong. */
function judgeBy(python: string, program: string, schema: string): Judge {
  return (report) => {
    const options = { input: report, encoding: "utf8", timeout } as const;
    const { status, stdout, stderr, error } = spawnSync(python, ["-c", program, schema], options);
    if (error !== undefined) throw error;
    if (status !== 0) return [stderr.trim().split("\n").at(-1) ?? `exit code ${status}`];
    return stdout.split("\n").filter((line) => line !== "");
  };
}

const jsonProgram = [
  "import json, sys, jsonschema",
  "schema = json.load(open(sys.argv[1], encoding='utf-8-sig'))",
  "judge = jsonschema.validators.validator_for(schema)(schema)",
  "for error in judge.iter_errors(json.load(sys.stdin)): print(error.json_path, repr(error.message[:200]))",
].join("\n");

/** The schema of SARIF, and Microsoft's validator with the rules of the specification and of GitHub's code scanning. */
export function findSarifJudge(folder: string): Found {
  const name = `@microsoft/sarif-multitool-${process.platform}`;
  const home = join(folder, "node_modules", name);
  try {
    const argv = ["install", "--silent", "--no-save", "--prefix", folder, `${name}@${pinned.multitool}`];
    if (!existsSync(home)) execFileSync("npm", argv, { stdio: "pipe", timeout });
    const bySchema = judgeBy(pythonWith(folder, "jsonschema"), jsonProgram, join(home, "sarif-2.1.0.json"));
    const byRules = (report: string): readonly string[] => judgeSarif(join(home, "Sarif.Multitool"), folder, report);
    return { judge: (report) => [...bySchema(report), ...byRules(report)] };
  } catch (error) {
    return { missing: `the judges of SARIF cannot be had: ${firstLine(error)}` };
  }
}

interface SarifRun {
  readonly results: readonly { readonly ruleId: string; readonly level?: string; readonly message: object }[];
  readonly invocations?: readonly { readonly toolExecutionNotifications?: readonly { readonly message: object }[] }[];
}

/** The validator's own answer is SARIF too; its exit code is 0 also where it found something. */
function judgeSarif(program: string, folder: string, report: string): readonly string[] {
  const [input, output] = [join(folder, "report.sarif"), join(folder, "judged.sarif")];
  writeFileSync(input, report);
  rmSync(output, { force: true });
  const argv = ["validate", input, "--rule-kind", "Sarif;Ghas", "--output", output, "--log", "ForceOverwrite"];
  const { status, stdout, error } = spawnSync(program, argv, { encoding: "utf8", timeout });
  if (error !== undefined) throw error;
  if (status !== 0 || !existsSync(output)) return [`exit code ${status}: ${stdout}`];
  const { runs } = JSON.parse(readFileSync(output, "utf8").replace(/^\uFEFF/, "")) as { runs: readonly SarifRun[] };
  const said = runs.flatMap(({ results }) => results.map((each) => `${each.ruleId} ${JSON.stringify(each.message)}`));
  const noted = runs.flatMap(({ invocations = [] }) => invocations.flatMap((each) => each.toolExecutionNotifications ?? [])); // prettier-ignore
  return [...said, ...noted.map(({ message }) => JSON.stringify(message))];
}

const xmlProgram = [
  "import sys, xmlschema",
  "schema = xmlschema.XMLSchema10(sys.argv[1])",
  "for error in schema.iter_errors(sys.stdin.read()): print(error.path, repr(str(error.reason)[:200]))",
].join("\n");

/** The schema of Jenkins' xUnit plugin, out of the source package of pytest, whose own tests hold to it. */
export function findJunitJudge(folder: string): Found {
  const schema = join(folder, "junit-10.xsd");
  try {
    const python = pythonWith(folder, "xmlschema");
    if (!existsSync(schema)) {
      pip(python, "download", "--no-deps", "--no-binary", ":all:", "--dest", folder, `pytest==${pinned.pytest}`);
      const member = `pytest-${pinned.pytest}/testing/example_scripts/junit-10.xsd`;
      const archive = join(folder, `pytest-${pinned.pytest}.tar.gz`);
      writeFileSync(schema, execFileSync("tar", ["-xzOf", archive, member], { timeout }));
    }
    return { judge: judgeBy(python, xmlProgram, schema) };
  } catch (error) {
    return { missing: `the schema of JUnit's reports cannot be had: ${firstLine(error)}` };
  }
}

function firstLine(error: unknown): string {
  return (error as Error).message.split("\n")[0] ?? "";
}
