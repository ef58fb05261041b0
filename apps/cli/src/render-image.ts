import { quote, type Finding } from "@countersign/core";
import type { ImageReport, ImageVerdict } from "@countersign/pipeline";
import {
  claimLines,
  evidenceLines,
  formatHints,
  opinionLines,
  plain,
  refusedLine,
  row,
  warningLine,
  type Detail,
} from "./render-text.ts";
import type { Terminal } from "./terminal.ts";

/** A report about an image in words, for standard error. Everything that came from outside is escaped. */
export function formatImageText(report: ImageReport, terminal: Terminal, detail: Detail): string {
  const isAllowed = report.decision.verdict === "allowed";
  const head = isAllowed
    ? [
        `${terminal.style("green", "allowed:")} ${plain(report.reference)}`,
        row("digest", plain(report.pinned.slice(report.pinned.indexOf("@") + 1))),
      ]
    : [refusedLine({ name: report.reference, ...report.decision }, terminal)];
  const images = report.images.flatMap((image) => imageLines(image, terminal, detail));
  const findings = [...report.findings, ...report.images.flatMap((image) => image.findings)];
  const warnings = findings
    .filter((finding) => finding.level === "warn" && !(isAllowed && detail === "outcome" && isUsual(finding)))
    .map((finding) => warningLine(finding, terminal));
  const hints = isAllowed ? [] : formatHints(findings.filter((finding) => finding.level !== "warn"));
  const tag = [...tagLines(report.tag), ...opinionLines(report.tag?.secondOpinion, terminal, detail)];
  return [...head, ...tag, ...images, ...new Set([...warnings, ...hints]), ""].join("\n");
}

/** An image has attestations, and signatures of others, beside the signature that was asked for. */
function isUsual({ code }: Finding): boolean {
  return code === "PIPELINE_IMAGE_ROLE" || code === "SIGSTORE_KEY_NEEDED" || code === "SIGSTORE_KEY_UNWANTED";
}

/** What the map says, and how old it is. */
function tagLines(tag: ImageReport["tag"]): readonly string[] {
  const { target } = tag?.claims ?? {};
  if (tag === undefined || target === undefined) return [];
  const { version, rolePath, expires } = target;
  const tags = [...(tag.tags ?? []).slice(0, maxTagsShown), ...((tag.tags ?? []).length > maxTagsShown ? ["…"] : [])];
  return [
    row(
      "tag map",
      `${plain(tag.target)}, version ${version} of ${plain(rolePath.join(" > "))}, until ${plain(expires)}`,
    ),
    row("tags", tags.length === 0 ? "the map gives none this digest" : plain(tags.join(", "))),
  ];
}

const maxTagsShown = 5;

function imageLines(image: ImageVerdict, terminal: Terminal, detail: Detail): readonly string[] {
  const name =
    image.platform === undefined ? [] : [row("platform", `${quote(image.platform)} ${image.digest}: ${image.verdict}`)];
  const claims =
    image.verdict === "allowed"
      ? image.evidence.flatMap((each) => (each.claims === undefined ? [] : [each.claims]))
      : [];
  // What was passed over may be what somebody thought would count.
  const isTold = detail === "every-check" || image.verdict !== "allowed";
  const notes = isTold ? image.notes.map((text) => row("note", plain(text))) : [];
  return [
    ...name,
    ...claims.flatMap(claimLines),
    ...opinionLines(image.secondOpinion, terminal, detail),
    ...(image.verdict === "allowed" && detail === "outcome"
      ? []
      : image.evidence.flatMap((each) => evidenceLines(each, terminal, detail))),
    ...notes,
  ];
}
