import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Block } from "./readme-block.ts";
import { githubRunner, parseCi, type CiStep } from "./readme-ci.ts";
import { linkPackages, type LocalWorld } from "./readme-world.ts";
import { run, type RunResult } from "./run.ts";

/** Where the blocks of one page are played, in order: one folder, as a reader would use one. */
export interface Stage {
  readonly root: string;
  readonly folder: string;
  readonly path: string;
  /** Started when the first block asks for it. */
  world(): Promise<LocalWorld>;
}

/** Whom the identity token speaks for unless the block says otherwise: the workflow that the README's snippet would be. */
export const defaultSubject = "https://github.com/octo-org/octo-app/.github/workflows/release.yml@refs/tags/v1.2.3";

/** The issuers that a page may name; beside a local Sigstore its own issuer stands in for them. */
export const publicIssuers: readonly string[] = [
  "https://token.actions.githubusercontent.com",
  "https://gitlab.com",
  "https://accounts.google.com",
  "https://github.com/login/oauth",
];

/** Plays one block. Returns what went wrong, or undefined. A language that nobody could check is a problem. */
export async function playBlock(block: Block, stage: Stage): Promise<string | undefined> {
  const variables = await variablesOf(block, stage);
  const text = block.marks.isLocal ? await withLocalIssuer(block, stage) : block.text;
  if (block.marks.before !== "") {
    const problem = await playShell(block.marks.before, stage, { variables, exit: 0 });
    if (problem !== undefined) return `before: ${problem}`;
  }
  if (block.marks.file !== undefined) writeAt(join(stage.folder, block.marks.file), text);
  const play = plays.get(block.language);
  if (play === undefined) return `the language "${block.language}" is not one that is checked (text is for output)`;
  return play({ block, text, stage, variables });
}

interface Turn {
  readonly block: Block;
  readonly text: string;
  readonly stage: Stage;
  readonly variables: Readonly<Record<string, string>>;
}

type Play = (turn: Turn) => Promise<string | undefined> | string | undefined;

const shell: Play = ({ block, text, stage, variables }) =>
  playShell(text, stage, { variables, exit: block.marks.exit });
const session: Play = (turn) => shell({ ...turn, text: typedLines(turn.text) });

const plays: ReadonlyMap<string, Play> = new Map<string, Play>([
  ["sh", shell],
  ["bash", shell],
  ["console", session],
  ["json", ({ text }) => parsed(() => JSON.parse(text))],
  ["yaml", playYaml],
  ["ts", playModule],
  ["js", playModule],
  ["text", () => undefined],
]);

async function playShell(
  script: string,
  stage: Stage,
  { variables, exit }: { readonly variables: Readonly<Record<string, string>>; readonly exit: number },
): Promise<string | undefined> {
  const args = ["--noprofile", "--norc", "-e", "-o", "pipefail", "-c", script];
  const all = { ...ambient, PATH: stage.path, HOME: stage.folder, ...variables };
  return outcome(await run("bash", args, { cwd: stage.folder, variables: all }), exit);
}

/** What a real CI may have set around this very test: a block must not live on it. */
const ambient: Readonly<Record<string, undefined>> = Object.fromEntries(
  Object.keys(process.env)
    .filter((name) =>
      /^(COUNTERSIGN_|SIGSTORE_|ACTIONS_|GITHUB_|GITLAB_CI$|CI$|CI_|CIRCLE|BUILDKITE|SPIFFE_|GCE_|GOOGLE_|BROWSER$)/.test(
        name,
      ),
    )
    .map((name) => [name, undefined]),
);

function outcome(result: RunResult, exit: number): string | undefined {
  return result.code === exit ? undefined : `exit code ${result.code} instead of ${exit}\n${result.output.trimEnd()}`;
}

/** What is typed in a console block: the lines after `$ `, with the lines they continue on. */
function typedLines(text: string): string {
  return [...text.matchAll(/^\$ ((?:.*\\\n)*.*)$/gm)].map((match) => match[1] ?? "").join("\n");
}

async function playYaml({ block, text, stage, variables }: Turn): Promise<string | undefined> {
  const read = () => parseCi(text);
  const problem = parsed(read);
  if (problem !== undefined) return problem;
  const { kind, steps, hasToken } = read();
  const token = steps.length > 0 && hasToken ? await tokenVariables(kind, block, stage) : {};
  const { SIGSTORE_ID_TOKEN: _onlyIfTheFileAsks, ...others } = variables;
  for (const step of steps) {
    const failure = await playStep(step, stage, { ...others, ...token });
    if (failure !== undefined) return failure;
  }
  return undefined;
}

async function playStep(step: CiStep, stage: Stage, variables: Turn["variables"]): Promise<string | undefined> {
  const failure = await playShell(step.script, stage, { variables: { ...variables, ...step.variables }, exit: 0 });
  return failure === undefined ? undefined : `step "${step.name}": ${failure}`;
}

/** What the runner of each CI gives to a job that asked for an identity token, and nothing to one that did not. */
async function tokenVariables(kind: string, block: Block, stage: Stage): Promise<Turn["variables"]> {
  const world = await stage.world();
  const subject = block.marks.subject ?? defaultSubject;
  if (kind === "github") return { ...world.variables, ...githubRunner, ...world.githubVariables(subject) };
  return {
    ...world.variables,
    CI: "true",
    GITLAB_CI: "true",
    CI_COMMIT_TAG: "v1.2.3",
    SIGSTORE_ID_TOKEN: await world.token(subject),
  };
}

async function playModule({ block, text, stage, variables }: Turn): Promise<string | undefined> {
  linkPackages(stage.root, stage.folder);
  const name = `block-${block.line}.${block.language}`;
  writeAt(join(stage.folder, name), text);
  const tsc = join(stage.root, "node_modules", ".bin", "tsc");
  const checked = await run(tsc, [...typeFlags, name], { cwd: stage.folder });
  if (checked.code !== 0 || !block.marks.isRun) return outcome(checked, 0);
  return outcome(await run(process.execPath, [name], { cwd: stage.folder, variables }), block.marks.exit);
}

const typeFlags =
  "--noEmit --strict --target es2023 --module nodenext --types node --skipLibCheck --allowJs --checkJs".split(" ");

async function variablesOf(block: Block, stage: Stage): Promise<Turn["variables"]> {
  if (!block.marks.isLocal) return {};
  const world = await stage.world();
  return { ...world.variables, SIGSTORE_ID_TOKEN: await world.token(block.marks.subject ?? defaultSubject) };
}

async function withLocalIssuer(block: Block, stage: Stage): Promise<string> {
  const { issuer } = await stage.world();
  const pattern = new RegExp(`(${publicIssuers.map((url) => url.replaceAll(".", "\\.")).join("|")})(?![\\w./-])`, "g");
  return block.text.replace(pattern, issuer);
}

function parsed(read: () => unknown): string | undefined {
  try {
    read();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

function writeAt(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
