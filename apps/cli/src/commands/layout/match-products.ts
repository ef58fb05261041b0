import { maxLinkBytes } from "@countersign/in-toto";
import { matchLocalProducts, type LocalMatch } from "@countersign/in-toto/node";
import { recordOptionsOf } from "../../evidence.ts";
import { exitCodes } from "../../exit.ts";
import { readSmallFile } from "../../input.node.ts";
import { keyIoOf } from "../../key.ts";
import { readLayoutKeys } from "../../layout-key.ts";
import { identityKeyOf, loadProver } from "../../link-trust.ts";
import { formatJson } from "../../render-json.ts";
import { formatNote, plain } from "../../render-text.ts";
import type { MatchProductsOptions } from "../../evidence-options.ts";
import type { OutputOptions } from "../../options.ts";
import type { Terminal } from "../../terminal.ts";

/** `countersign layout match-products`: 0 if files and products are the same, 1 if not. */
export async function matchProductsCommand(
  operands: readonly string[],
  given: OutputOptions,
  terminal: Terminal,
): Promise<number> {
  const options = given as MatchProductsOptions;
  const [path = ""] = operands;
  const identity = identityKeyOf(options);
  const keys = identity === undefined ? await readLayoutKeys(options.key ?? [], keyIoOf({}, terminal)) : [identity];
  const bundles = identity === undefined ? {} : { bundles: await loadProver(options, terminal.now(), terminal) };
  const record = recordOptionsOf(options, terminal);
  const paths = options.path === undefined ? {} : { paths: options.path };
  const match = await matchLocalProducts(readSmallFile(path, "link", maxLinkBytes), {
    record,
    keys,
    ...paths,
    ...bundles,
    nowMs: terminal.now().getTime(),
  });
  const isSame = match.onlyInProducts.length + match.notInProducts.length + match.differ.length === 0;
  if (options.json === true) terminal.out(formatJson({ schema: "countersign.match-products/v1", isSame, ...match }));
  if (keys.length === 0) terminal.err(formatNote("nobody's signature was checked: give --key", terminal));
  if (options.quiet !== true || !isSame) terminal.err(textOf(path, isSame, match, terminal));
  return isSame ? 0 : exitCodes.untrusted;
}

const maxShownPaths = 20;

function textOf(path: string, isSame: boolean, match: LocalMatch, terminal: Terminal): string {
  const word = isSame ? terminal.style("green", "the same:") : terminal.style("red", "different:");
  return [
    `${word} ${plain(path)}`,
    ...linesOf("missing here", match.onlyInProducts),
    ...linesOf("not in the link", match.notInProducts),
    ...linesOf("other content", match.differ),
    "",
  ].join("\n");
}

function linesOf(what: string, paths: readonly string[]): string[] {
  const shown = paths.slice(0, maxShownPaths).map((path) => `  ${what.padEnd(15)} ${plain(path)}`);
  return paths.length > maxShownPaths ? [...shown, `  and ${paths.length - maxShownPaths} more`] : shown;
}
