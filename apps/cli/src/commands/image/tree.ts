import {
  findEvidence,
  parseReference,
  pinReference,
  formatReference,
  type Descriptor,
  type FetchedManifest,
  type FoundEvidence,
  type Reference,
  type Registry,
} from "@countersign/oci";
import { formatPlatform, isBuildAttestation } from "@countersign/oci";
import { findingOf, quote, type Digest } from "@countersign/core";
import { claimedKindOf } from "../../evidence-kind.ts";
import type { ImageTreeOptions } from "../../image-options.ts";
import { evidenceRepositoryOf, openRegistry } from "../../registry.ts";
import { formatJson } from "../../render-json.ts";
import { formatFailureText, plain } from "../../render-text.ts";
import type { Terminal } from "../../terminal.ts";

/** What is kept beside one manifest, as it says of itself. */
interface Node {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly platform?: string;
  readonly evidence: readonly {
    readonly layout: string;
    readonly manifest: Digest;
    readonly source: string;
    readonly bytes: number;
    /** What it says that it is. */
    readonly kind?: "signature" | "attestation";
    readonly predicateType?: string;
  }[];
  readonly notes: readonly string[];
  readonly problems: readonly object[];
}

/** `countersign image tree`: what lies beside an image and the images of its index. Nothing of it is verified. */
export async function imageTreeCommand(
  operands: readonly string[],
  options: ImageTreeOptions,
  terminal: Terminal,
): Promise<number> {
  const reference = parseReference(operands[0] ?? "");
  const registry = openRegistry(options, [reference], terminal);
  const root = await registry.manifest(reference);
  const targets = [{ digest: root.digest, mediaType: root.manifest.mediaType }, ...childrenOf(root)];
  const nodes = await Promise.all(targets.map((target) => nodeOf(target, { reference, registry, options, terminal })));
  const pinned = formatReference(pinReference(reference, root.digest));
  if (options.json === true)
    terminal.out(
      formatJson({
        schema: "countersign.image-tree/v1",
        reference: formatReference(reference),
        pinned,
        verified: false,
        nodes,
      }),
    );
  else terminal.out(formatTree(pinned, nodes));
  return 0;
}

function childrenOf({
  manifest,
}: FetchedManifest): readonly (Pick<Descriptor, "digest" | "mediaType"> & { readonly platform?: string })[] {
  if (manifest.kind !== "index") return [];
  return manifest.manifests.map((each) => ({
    digest: each.digest,
    mediaType: each.mediaType,
    ...(isBuildAttestation(each)
      ? { platform: "BuildKit's attestation, unsigned" }
      : each.platform && { platform: formatPlatform(each.platform) }),
  }));
}

interface Look {
  readonly reference: Reference;
  readonly registry: Registry;
  readonly options: ImageTreeOptions;
  readonly terminal: Terminal;
}

async function nodeOf(
  target: Omit<Node, "evidence" | "notes" | "problems">,
  { reference, registry, options, terminal }: Look,
): Promise<Node> {
  const repository = evidenceRepositoryOf(options) ?? reference;
  const found: FoundEvidence = await findEvidence(registry, { repository, digest: target.digest, wanted: "all" });
  for (const problem of found.problems) terminal.err(formatFailureText(problem, terminal));
  return {
    ...target,
    evidence: found.evidence.map((piece) => ({
      layout: piece.layout,
      manifest: piece.manifest,
      source: piece.source,
      bytes: piece.bytes.length,
      ...claimedKindOf(piece),
    })),
    notes: found.notes,
    problems: [...found.problems, ...found.rejected].map(findingOf),
  };
}

function formatTree(pinned: string, nodes: readonly Node[]): string {
  const lines = nodes.flatMap((node, index) => [
    index === 0 ? plain(pinned) : `  ${node.platform === undefined ? "" : `${quote(node.platform)} `}${node.digest}`,
    ...node.evidence.map(
      ({ layout, manifest, bytes, kind, predicateType }) =>
        `${index === 0 ? "  " : "    "}${layout.padEnd(13)} ${manifest} (${bytes} bytes, unverified) ${plain(predicateType ?? kind ?? "unreadable")}`,
    ),
    ...node.notes.map((note) => `${index === 0 ? "  " : "    "}passed over   ${plain(note)}`),
  ]);
  return `${lines.join("\n")}\n`;
}
