import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ours, type Ran } from "./peer.ts";

/** Exit codes of both verifiers: of the chain as it is, and after one digit of the last link was changed. */
export interface Verdicts {
  readonly ours: readonly (number | null)[];
  readonly theirs: readonly (number | null)[];
}

/** Both accept it, and then refuse it: no verifier that accepts everything gives that. */
export const agreed: Verdicts = { ours: [0, 1], theirs: [0, 1] };

/** Asks both about the chain in a world; its last link is changed afterwards. */
export function askBoth(world: string, askTheirs: () => Ran): Verdicts {
  const askOurs = (): Ran =>
    ours(world, "verify", "--layout", "root.layout", "--key", "owner.pub", "--link-dir", "links");
  const before = [askOurs().code, askTheirs().code] as const;
  changeLink(world);
  const after = [askOurs().code, askTheirs().code] as const;
  return { ours: [before[0], after[0]], theirs: [before[1], after[1]] };
}

function changeLink(world: string): void {
  const name = readdirSync(join(world, "links")).find((each) => each.startsWith("pack."));
  const path = join(world, "links", name ?? "");
  const text = readFileSync(path, "utf8");
  const { payload, ...rest } = JSON.parse(text) as { readonly payload?: string };
  const inside = payload === undefined ? text : Buffer.from(payload, "base64").toString();
  const changed = inside.replace(
    /("sha256": ?")(.)/,
    (_, start: string, digit: string) => start + (digit === "0" ? 1 : 0),
  );
  const written =
    payload === undefined ? changed : JSON.stringify({ ...rest, payload: Buffer.from(changed).toString("base64") });
  writeFileSync(path, written);
}
