import { statusOf, type RoleStatus } from "@countersign/tuf";
import { formatJson } from "../../render-json.ts";
import { plain } from "../../render-text.ts";
import { inRepository, missingOf } from "../../repo.ts";
import type { OutputOptions } from "../../options.ts";
import type { RepoOptions } from "../../repo-options.ts";
import type { Terminal } from "../../terminal.ts";

/** `countersign repo status`. */
export async function repoStatusCommand(
  _operands: readonly string[],
  given: OutputOptions,
  terminal: Terminal,
): Promise<number> {
  const options = given as RepoOptions;
  const rows = await inRepository(options, (workspace) => statusOf(workspace, terminal.now()));
  if (options.json === true) terminal.out(formatJson({ schema: "countersign.repo-status/v1", roles: rows }));
  else terminal.out(textOf(rows, options, terminal));
  return 0;
}

/** Without --verbose no more delegated roles are listed than these, besides those that are staged. */
const maxRoles = 30;

function textOf(rows: readonly RoleStatus[], options: RepoOptions, terminal: Terminal): string {
  const shown = options.verbose === true ? rows : rows.filter((row, at) => at < maxRoles || row.staged !== undefined);
  const width = Math.max(...shown.map(({ role }) => plain(role).length));
  const lines = shown.map((row) => {
    const parts = [publishedText(row, terminal), stagedText(row, terminal)].filter((part) => part !== "");
    return `${plain(row.role).padEnd(width)}  ${parts.length === 0 ? terminal.style("red", "missing") : parts.join("; ")}`;
  });
  const rest = rows.length - shown.length;
  return `${[...lines, ...(rest > 0 ? [`and ${rest} more roles (--verbose)`] : [])].join("\n")}\n`;
}

function publishedText({ published }: RoleStatus, terminal: Terminal): string {
  if (published === undefined) return "";
  const { version, expires, expiresInDays: days } = published;
  const left = days < 0 ? terminal.style("red", "expired") : `${days} ${days === 1 ? "day" : "days"} left`;
  return `version ${version} until ${expires.slice(0, 10)}, ${left}`;
}

function stagedText({ staged }: RoleStatus, terminal: Terminal): string {
  if (staged === undefined) return "";
  const word = staged.isReady ? terminal.style("green", "ready") : terminal.style("yellow", "to be signed");
  return `staged ${staged.version}, ${word}${missingOf(staged)}`;
}
