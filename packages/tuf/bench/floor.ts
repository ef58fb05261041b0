import { createHash, createPublicKey, verify } from "node:crypto";
import { readFileSync } from "node:fs";

/*
 * What nobody can leave out who looks at one metadata file, done the obvious way: read, decode, JSON.parse, sha256, canonical
 * JSON by the shortest recursion, one Ed25519 signature. No form, no versions, no expiry, no network, no disk.
 */

/** Looks at a file, with the key in hex that signed it. Returns whether the signature is good. */
export function floor(file: string, publicHex: string): boolean {
  const bytes = readFileSync(file);
  createHash("sha256").update(bytes).digest("hex");
  const { signed, signatures } = JSON.parse(bytes.toString("utf8")) as {
    signed: unknown;
    signatures: { sig: string }[];
  };
  const spki = Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), Buffer.from(publicHex, "hex")]);
  const key = createPublicKey({ key: spki, format: "der", type: "spki" });
  return verify(null, Buffer.from(canonical(signed), "utf8"), key, Buffer.from(signatures[0]?.sig ?? "", "hex"));
}

function canonical(value: unknown): string {
  if (typeof value === "string") return `"${value.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value !== "object" || value === null) return String(value);
  const members = value as Record<string, unknown>;
  const names = Object.keys(members).sort();
  return `{${names.map((name) => `${canonical(name)}:${canonical(members[name])}`).join(",")}}`;
}
