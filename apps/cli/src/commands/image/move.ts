import {
  copyImage,
  formatReference,
  parseReference,
  pinReference,
  Registry,
  registryTarget,
  type Copied,
  type CopyTarget,
  type Reference,
} from "@countersign/oci";
import { layoutHttp, layoutOnly, layoutTags, layoutTarget } from "@countersign/oci/node";
import { quote } from "@countersign/core";
import { cliError } from "../../errors.ts";
import { sleep } from "../../http.ts";
import type { ImageMoveOptions } from "../../image-options.ts";
import { interruptible } from "../../interrupt.ts";
import { openRegistry } from "../../registry.ts";
import { formatJson } from "../../render-json.ts";
import { plain, row } from "../../render-text.ts";
import type { Terminal } from "../../terminal.ts";

/** `countersign image copy`: an image with all platforms and all evidence, from one repository to another. */
export async function imageCopyCommand(
  operands: readonly string[],
  options: ImageMoveOptions,
  terminal: Terminal,
): Promise<number> {
  const [from, to] = [parseReference(operands[0] ?? ""), parseReference(operands[1] ?? "")];
  // A digest is what the content has, and no place for other content.
  if (to.digest !== undefined && to.digest !== from.digest)
    throw cliError("CLI_OPTION_CONFLICT", {
      checked: plain(formatReference(to)),
      expected: "a target without a digest, or the source by the same digest",
    });
  const registry = openRegistry(options, [from, to], terminal);
  const neighbour = from.registry === to.registry && from.repository !== to.repository ? from.repository : undefined;
  return await move({ source: registry, from, target: registryTarget(registry, to, neighbour), to, options, terminal });
}

/** `countersign image save`: the same into an OCI image layout. */
export async function imageSaveCommand(
  operands: readonly string[],
  options: ImageMoveOptions,
  terminal: Terminal,
): Promise<number> {
  const from = parseReference(operands[0] ?? "");
  const target = await layoutTarget(folderOf(options));
  return await move({ source: openRegistry(options, [from], terminal), from, target, to: from, options, terminal });
}

/** `countersign image load`: the same out of one. */
export async function imageLoadCommand(
  operands: readonly string[],
  options: ImageMoveOptions,
  terminal: Terminal,
): Promise<number> {
  const to = parseReference(operands[0] ?? "");
  const folder = folderOf(options);
  const source = new Registry({ http: layoutHttp(folder), sleep });
  const from = { registry: to.registry, repository: to.repository, ...(await nameIn(folder, to, options)) };
  return await move({
    source,
    from,
    target: registryTarget(openRegistry(options, [to], terminal), to),
    to,
    options,
    terminal,
  });
}

function folderOf({ layout }: ImageMoveOptions): string {
  if (layout === undefined) throw cliError("CLI_USAGE", "--layout <dir> is needed");
  return layout;
}

/** The digest or name that was asked for, or the only name that there is besides cosign's tags. */
async function nameIn(
  folder: string,
  to: Reference,
  { name }: ImageMoveOptions,
): Promise<Pick<Reference, "tag" | "digest">> {
  if (name !== undefined) return { tag: name };
  if (to.digest !== undefined) return { digest: to.digest };
  const names = (await layoutTags(folder)).filter((tag) => !/^sha256-[0-9a-f]{64}\./.test(tag));
  const only = names.length === 0 ? await layoutOnly(folder) : undefined;
  if (only !== undefined) return { digest: only };
  const [tag, ...others] = names.includes(to.tag ?? "") ? [to.tag ?? ""] : names;
  if (tag === undefined || others.length > 0)
    throw cliError("CLI_OPTION_VALUE", {
      checked: "--name",
      expected: "one of the layout's images",
      got: names.map((each) => quote(each)).join(", "),
    });
  return { tag };
}

interface Move {
  readonly source: Registry;
  readonly from: Reference;
  readonly target: CopyTarget;
  readonly to: Reference;
  readonly options: ImageMoveOptions;
  readonly terminal: Terminal;
}

async function move({ source, from, target, to, options, terminal }: Move): Promise<number> {
  // What is named by its digest alone gets no tag.
  const tag = to.digest === undefined ? to.tag : undefined;
  const settings = {
    ...(tag !== undefined && { tag }),
    ...(options.withoutEvidence === true && { withoutEvidence: true as const }),
  };
  const copied = await interruptible(() => copyImage(source, from, target, settings));
  const pinned = formatReference(pinReference(to, copied.digest));
  if (options.json === true) terminal.out(formatJson({ schema: "countersign.image-copied/v1", pinned, ...copied }));
  else terminal.out(`${pinned}\n`);
  if (options.quiet !== true) terminal.err(formatCopied(pinned, copied, terminal));
  return 0;
}

function formatCopied(pinned: string, { manifests, blobs, evidence }: Copied, terminal: Terminal): string {
  const counts = `${manifests} manifests, ${blobs} blobs sent, ${evidence} pieces of evidence`;
  return `${terminal.style("green", "copied:")} ${plain(pinned)}\n${row("with", counts)}\n`;
}
