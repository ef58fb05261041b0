import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { parseBlocks, parseLinks, type Block } from "./readme-block.ts";
import { playBlock, type Stage } from "./readme-play.ts";
import { makePath, startLocalWorld, type LocalWorld } from "./readme-world.ts";
import { reportAndExit, repositoryRoot } from "./report.ts";

/** What came of the blocks of some pages. */
export interface ReadmeResult {
  readonly problems: readonly string[];
  /** `page:line: reason` of each block that was not run. */
  readonly skipped: readonly string[];
  readonly passed: number;
}

/** The pages whose blocks are checked. */
export function findPages(root: string): readonly string[] {
  const pages = globSync(["*.md", "docs/**/*.md", "{packages,apps}/*/README.md"], { cwd: root });
  return pages.map((path) => path.replaceAll("\\", "/")).toSorted();
}

/**
 * Runs every fenced block of the pages and looks for the files they link to: shell and CI steps are executed, code is type-checked, data is parsed. The
 * blocks of a page share a fresh folder; `start` brings up the local Sigstore when the first block asks for it.
 */
export async function checkPages(
  root: string,
  pages: readonly string[],
  start: () => Promise<LocalWorld>,
): Promise<ReadmeResult> {
  const base = mkdtempSync(join(tmpdir(), "readme-"));
  let world: Promise<LocalWorld> | undefined;
  const path = makePath(root, join(base, "bin"));
  const stages = pages.map((page, at) => ({
    page,
    stage: { root, folder: join(base, `page-${at}`), path, world: () => (world ??= start()) },
  }));
  try {
    const results = [];
    for (const { page, stage } of stages) results.push(await checkPage(page, stage));
    return results.reduce(addResults, { problems: [], skipped: [], passed: 0 });
  } finally {
    await world?.then(
      (local) => local.close(),
      () => undefined,
    );
    rmSync(base, { recursive: true, force: true });
  }
}

async function checkPage(page: string, stage: Stage): Promise<ReadmeResult> {
  mkdirSync(stage.folder);
  const markdown = readFileSync(resolve(stage.root, page), "utf8");
  const lost = parseLinks(markdown).filter((link) => !existsSync(resolve(stage.root, dirname(page), link)));
  const result = await playBlocks(readBlocks(page, markdown), stage);
  return {
    ...result,
    problems: [...lost.map((link) => `${page}: links to ${link}, which is not there`), ...result.problems],
  };
}

async function playBlocks(blocks: readonly Block[] | string, stage: Stage): Promise<ReadmeResult> {
  if (typeof blocks === "string") return { problems: [blocks], skipped: [], passed: 0 };
  const skipped = blocks.filter((block) => block.marks.skip !== undefined);
  const problems: string[] = [];
  for (const block of blocks) {
    if (block.marks.skip !== undefined) continue;
    const failure = await playBlock(block, stage).catch((error: unknown) => (error as Error).message);
    if (failure !== undefined) problems.push(`${block.page}:${block.line}: ${block.language}: ${failure}`);
  }
  return {
    problems,
    skipped: skipped.map((block) => `${block.page}:${block.line}: ${block.marks.skip}`),
    passed: blocks.length - skipped.length - problems.length,
  };
}

/** The blocks, or what is wrong with the page. */
function readBlocks(page: string, markdown: string): readonly Block[] | string {
  try {
    return parseBlocks(page, markdown);
  } catch (error) {
    return (error as Error).message;
  }
}

function addResults(a: ReadmeResult, b: ReadmeResult): ReadmeResult {
  return {
    problems: [...a.problems, ...b.problems],
    skipped: [...a.skipped, ...b.skipped],
    passed: a.passed + b.passed,
  };
}

if (import.meta.main) {
  const pages = process.argv.length > 2 ? process.argv.slice(2) : findPages(repositoryRoot);
  const result = await checkPages(repositoryRoot, pages, () => startLocalWorld(repositoryRoot));
  for (const skipped of result.skipped) process.stdout.write(`skipped ${skipped}\n`);
  reportAndExit("readme", result.problems, `${result.passed} blocks passed, ${result.skipped.length} skipped`);
}
