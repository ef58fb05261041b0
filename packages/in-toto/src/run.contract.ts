import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Writable } from "node:stream";
import { generateSigner } from "@countersign/core";
import { expect } from "vitest";
import type { CommandOptions } from "./command.node.ts";
import { publicKeyOf, type InTotoSigner } from "./key-file.ts";
import { parseMetadata } from "./metadata.ts";
import { checkSignature } from "./signature.ts";
import type { Link } from "./link.ts";

const folders: string[] = [];

/** A new folder with these files, which is there until `removeFolders` is called. */
export function makeFolder(files: Readonly<Record<string, string>> = {}): string {
  const root = mkdtempSync(join(tmpdir(), "countersign-run-"));
  folders.push(root);
  for (const [name, content] of Object.entries(files)) writeFileSync(join(root, name), content);
  return root;
}

export function removeFolders(): void {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
}

export const makeSigner = (): InTotoSigner => {
  const signer = generateSigner("ed25519");
  return { signer, key: publicKeyOf(signer.spki) };
};

export const signer = makeSigner();
export const now = (): Date => new Date(Date.now());
export const nowMs = Date.now();
export const node = (program: string): readonly string[] => [process.execPath, "-e", program];
export const refusal = (code: string): unknown => expect.objectContaining({ name: "TrustError", code });

/** The link in a file, whose signature by `signer` was checked. */
export function openLink(path: string): Link {
  const metadata = parseMetadata(readFileSync(path), "strict");
  checkSignature(metadata, signer.key, nowMs);
  if (metadata.type !== "link") throw new Error("no link");
  return metadata.link;
}

/** Takes what is written to it. */
export function makeSink(): { readonly sink: Writable; readonly text: () => string } {
  const sink = new PassThrough();
  const parts: Buffer[] = [];
  sink.on("data", (part: Buffer) => parts.push(part));
  return { sink, text: () => Buffer.concat(parts).toString() };
}

export const quiet = (): Pick<CommandOptions, "output"> => ({
  output: { stdout: makeSink().sink, stderr: makeSink().sink },
});
