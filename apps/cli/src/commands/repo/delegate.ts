import { delegate, makeBins, undelegate } from "@countersign/tuf";
import { cliError } from "../../errors.ts";
import { inRepository, openRoleKeys, reportStaged, wholeNumber, type RoleKey } from "../../repo.ts";
import type { OutputOptions } from "../../options.ts";
import type { RepoBinsOptions, RepoDelegateOptions, RepoKeyOptions } from "../../repo-options.ts";
import type { Terminal } from "../../terminal.ts";

/** `countersign repo delegate`: stages a delegation, or with --remove its end. */
export async function repoDelegateCommand(
  [name = ""]: readonly string[],
  given: OutputOptions,
  terminal: Terminal,
): Promise<number> {
  const options = given as RepoDelegateOptions;
  const { from = "targets", path, pathHashPrefix, terminating } = options;
  const keys = options.remove === true ? [] : await keysOf(options, terminal);
  return inRepository(options, async (workspace) => {
    const now = terminal.now();
    if (options.remove === true) await undelegate(workspace, from, name, now);
    else {
      await delegate(
        workspace,
        from,
        {
          name,
          keys,
          threshold: thresholdOf(options),
          isTerminating: terminating === true,
          ...(path === undefined ? {} : { paths: path }),
          ...(pathHashPrefix === undefined ? {} : { pathHashPrefixes: pathHashPrefix }),
        },
        now,
      );
    }
    await reportStaged(workspace, { schema: "countersign.repo-delegate/v1", from, role: name }, options, terminal);
    return 0;
  });
}

/** `countersign repo bins`: stages bins and moves the targets of the role into them. */
export async function repoBinsCommand(
  [prefix = ""]: readonly string[],
  given: OutputOptions,
  terminal: Terminal,
): Promise<number> {
  const options = given as RepoBinsOptions;
  const { from = "targets", explicit } = options;
  const keys = await keysOf(options, terminal);
  const bins = { prefix, bits: wholeNumber(options.bits ?? "8", "--bits") };
  const form = explicit === true ? "explicit" : "succinct";
  return inRepository(options, async (workspace) => {
    await makeBins(workspace, from, { bins, form, keys, threshold: thresholdOf(options) }, terminal.now());
    await reportStaged(workspace, { schema: "countersign.repo-bins/v1", from, form, ...bins }, options, terminal);
    return 0;
  });
}

async function keysOf(options: RepoKeyOptions, terminal: Terminal): Promise<readonly RoleKey[]> {
  if (options.key === undefined) throw cliError("CLI_USAGE", "required option '--key <ref>' not specified");
  return openRoleKeys(options.key, options, terminal);
}

function thresholdOf({ threshold }: { readonly threshold?: string }): number {
  return threshold === undefined ? 1 : wholeNumber(threshold, "--threshold");
}
