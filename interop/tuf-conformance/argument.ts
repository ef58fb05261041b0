import { parseArgs } from "node:util";

/** What the suite asks for (its CLIENT-CLI.md). */
export type Arguments =
  | { readonly command: "init"; readonly metadataDir: string; readonly root: string }
  | { readonly command: "refresh"; readonly metadataDir: string; readonly metadataUrl: string }
  | {
      readonly command: "download";
      readonly metadataDir: string;
      readonly metadataUrl: string;
      readonly targetNames: readonly string[];
      readonly targetBaseUrl: string;
      readonly targetDir: string;
    };

/** Said when the arguments are not the protocol's. */
export const usage = `usage:
  client --metadata-dir D init ROOT
  client --metadata-dir D --metadata-url U refresh
  client --metadata-dir D --metadata-url U --target-name T [--target-name T]... --target-base-url B --target-dir X download
`;

const text = { type: "string" } as const;

/** The arguments, in any order, or undefined if they are not the protocol's. Throws for an option that it does not know. */
export function parseArguments(words: readonly string[]): Arguments | undefined {
  const options = {
    "metadata-dir": text,
    "metadata-url": text,
    "target-name": { type: "string", multiple: true },
    "target-base-url": text,
    "target-dir": text,
  } as const;
  const { values, positionals } = parseArgs({ args: [...words], options, allowPositionals: true });
  const [command, root, ...more] = positionals;
  const { "metadata-dir": metadataDir, "metadata-url": metadataUrl } = values;
  if (metadataDir === undefined || more.length > 0) return undefined;
  if (command === "init") return root === undefined ? undefined : { command, metadataDir, root };
  if (metadataUrl === undefined || root !== undefined) return undefined;
  if (command === "refresh") return { command, metadataDir, metadataUrl };
  const { "target-name": targetNames = [], "target-base-url": targetBaseUrl, "target-dir": targetDir } = values;
  if (command !== "download" || targetNames.length === 0) return undefined;
  if (targetBaseUrl === undefined || targetDir === undefined) return undefined;
  return { command, metadataDir, metadataUrl, targetNames, targetBaseUrl, targetDir };
}
