/**
 * A naive floor for verifying, `node floor.ts FOLDER`: every link of the folder is read, parsed by JSON.parse, written in
 * canonical JSON by the shortest recursion, hashed, and its one signature checked. No rule, no order, no limit.
 */
import { createHash, createPublicKey, verify } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

interface Metablock {
  readonly signatures: readonly [{ readonly keyid: string; readonly sig: string }];
  readonly signed: { readonly [name: string]: Json };
}

const [folder = "."] = process.argv.slice(2);
const read = (name: string): Metablock => JSON.parse(readFileSync(join(folder, name), "utf8")) as Metablock;

const { keys } = read("root.layout").signed as unknown as {
  readonly keys: Readonly<Record<string, { readonly keyval: { readonly public: string } }>>;
};
for (const name of readdirSync(folder)) {
  if (!name.endsWith(".link")) continue;
  const { signatures, signed } = read(name);
  const [{ keyid, sig }] = signatures;
  const message = Buffer.from(canonical(signed));
  const key = createPublicKey(keys[keyid]?.keyval.public ?? "");
  if (!verify("sha256", message, key, Buffer.from(sig, "hex"))) throw new Error(`${name}: bad signature`);
  process.stdout.write(`${createHash("sha256").update(message).digest("hex")}  ${name}\n`);
}

function canonical(value: Json): string {
  if (typeof value === "string") return `"${value.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value !== "object" || value === null) return String(value);
  const members = value as { readonly [name: string]: Json };
  const names = Object.keys(members).sort();
  return `{${names.map((name) => `${canonical(name)}:${canonical(members[name] as Json)}`).join(",")}}`;
}
