import { TrustError } from "@countersign/core";
import { signBundle } from "./sign-bundle.ts";
import { parseArguments, usage } from "./argument.ts";
import { verifyBundle } from "./verify-bundle.ts";

/** 0 or 1 and nothing else, as the protocol says; the reason goes to stderr with its code. */
async function main(words: readonly string[]): Promise<0 | 1> {
  const args = parseArguments(words);
  if (args === undefined) {
    process.stderr.write(usage);
    return 1;
  }
  const problem = args.command === "verify-bundle" ? await verifyBundle(args) : await signBundle(args);
  if (problem === undefined) return 0;
  process.stderr.write(`${problem}\n`);
  return 1;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const code = error instanceof TrustError ? `${error.code}: ` : "";
  process.stderr.write(`${code}${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
