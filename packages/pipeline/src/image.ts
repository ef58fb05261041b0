import {
  findingOf,
  TrustError,
  type Artifact,
  type Digest,
  type Finding,
  type Verified,
  type Claims,
} from "@countersign/core";
import {
  findEvidence,
  makeLimiter,
  formatPlatform,
  formatReference,
  pinReference,
  type FoundEvidence,
  type ImageEvidence,
  type Limiter,
  type Platform,
  type PlatformChoice,
  type Reference,
  type Registry,
  type Repository,
} from "@countersign/oci";
import { checkPolicy, evaluate, type Decision, type Policy } from "@countersign/policy";
import { pipelineError } from "./errors.ts";
import { examineImageEvidence } from "./image-evidence.ts";
import { shareVerdict, type SharedVerdicts } from "./image-share.ts";
import type { TagMaps, TagReport } from "./image-tag.ts";
import { findTargets } from "./image-target.ts";
import type { ImageRole } from "./image-role.ts";
import type { EvidenceReport } from "./report.ts";
import type { Peer, SecondOpinion } from "./second-opinion.ts";
import type { Trust, TrustSource } from "./trust.ts";

/** What is asked about an image. */
export interface ImageQuestion {
  readonly reference: Reference;
  readonly role: ImageRole;
  /** Which images of an index are judged besides it: none unless given. */
  readonly platforms?: PlatformChoice;
  /** Where the evidence is, if not beside the image. */
  readonly evidenceRepository?: Repository;
  /** Put before cosign's older tags. */
  readonly tagPrefix?: string;
  /** Where the image is fetched from, if not where its name says. */
  readonly fetchFrom?: Repository;
  /** Finds the evidence instead of the registry. */
  readonly findElsewhere?: (digest: Digest) => Promise<FoundEvidence>;
  /** How old the oldest verified time of evidence that counts may be, in milliseconds; evidence without one does not count. */
  readonly maxAgeMs?: number;
  /** Also asks that the signature names this repository. */
  readonly signedName?: string;
}

/** The outside world of one run. */
export interface ImageWorld {
  now(): Date;
  trust(): Promise<Trust>;
  readonly registry: Registry;
  /** Shared by all images of a run; `maxImagesAtOnce` for each call unless given. */
  readonly limit?: Limiter;
  /** An independent implementation that must agree. */
  readonly peer?: Peer;
  /** Whose maps say which digest each tag names now; then a reference that names another is refused. */
  readonly tagMaps?: TagMaps;
}

/** How many images are judged at once: as many times `maxEvidenceTotalBytes` is the most memory that evidence takes. */
export const maxImagesAtOnce: number = 4;

/** One digest that was judged. */
export interface ImageVerdict {
  readonly digest: Digest;
  /** `linux/amd64`, for an image of an index. */
  readonly platform?: string;
  /** The allowed index that names this digest, where that is what allows it. */
  readonly coveredBy?: Digest;
  readonly verdict: Decision["verdict"];
  readonly rule?: string;
  readonly reason: string;
  readonly code?: string;
  readonly evidence: readonly (EvidenceReport & { readonly layout: string })[];
  readonly findings: readonly Finding[];
  /** What was passed over, and why. */
  readonly notes: readonly string[];
  /** What an independent implementation says; only where one was asked. */
  readonly secondOpinion?: SecondOpinion;
}

/** The whole answer about an image. This JSON is the interface; text is a view of it. */
export interface ImageReport {
  readonly schema: "countersign.image-report/v1";
  /** As asked. */
  readonly reference: string;
  /** The same by its digest: what the decision is about, whatever the tag does later. */
  readonly pinned: string;
  readonly decision: { readonly verdict: Decision["verdict"]; readonly reason: string; readonly code?: string };
  readonly images: readonly ImageVerdict[];
  /** What the map of tags says of the reference; only where maps were asked for. */
  readonly tag?: TagReport;
  readonly findings: readonly Finding[];
  readonly trust: { readonly sources: readonly TrustSource[] };
  /** The time of the run, ISO 8601 UTC. */
  readonly at: string;
}

/**
 * As `inspectImage` for each, in parallel; none keeps another from being judged. What several references name, and the same is asked
 * about, is looked for and judged once.
 */
export function inspectImages(
  questions: readonly ImageQuestion[],
  policy: Policy,
  world: ImageWorld,
): readonly Promise<ImageReport>[] {
  const all = { policy, world, limit: world.limit ?? makeLimiter(maxImagesAtOnce), shared: new Map() };
  return questions.map(async (question) => await inspectOne({ ...all, question }));
}

/**
 * Decides about an image: the reference is resolved once, and everything after is about that digest. Evidence is looked for
 * in every layout; a signature is only what was made as one, an attestation only of the wanted type. An image of an index is
 * allowed by evidence of its own or through its allowed index. Bad evidence is in the report; a policy that cannot be used and a
 * registry that cannot name the image are thrown.
 */
export async function inspectImage(question: ImageQuestion, policy: Policy, world: ImageWorld): Promise<ImageReport> {
  return await (inspectImages([question], policy, world)[0] as Promise<ImageReport>);
}

async function inspectOne(given: Omit<ImageRun, "trust" | "now">): Promise<ImageReport> {
  const { question, policy, world } = given;
  checkPolicy(policy);
  const run: ImageRun = { ...given, trust: await world.trust(), now: world.now() };
  const [root, ...children] = await findTargets(world.registry, question);
  const [first, tag] = await Promise.all([
    judgeOnce(root, run),
    world.tagMaps && tagReportOf(question.reference, root.digest, world.tagMaps),
  ]);
  const others = await Promise.all(
    children.map(async (child) =>
      first.verdict === "allowed" ? cover(child, root.digest) : await judgeOnce(child, run),
    ),
  );
  return {
    schema: "countersign.image-report/v1",
    reference: formatReference(question.reference),
    pinned: formatReference(pinReference(question.reference, root.digest)),
    decision: decideTag(decide(first, others), tag),
    images: [first, ...others],
    ...(tag !== undefined && { tag }),
    findings: [...run.trust.findings, ...(tag?.findings ?? [])],
    trust: { sources: run.trust.sources },
    at: run.now.toISOString(),
  };
}

/** Loaded only where there are maps. */
async function tagReportOf(reference: Reference, digest: Digest, maps: TagMaps): Promise<TagReport> {
  const { judgeTag } = await import("./image-tag.ts");
  return judgeTag(reference, digest, maps);
}

/** 0 allowed, 1 refused, 3 could not be told. */
export function exitCodeOfImage({ decision }: ImageReport): 0 | 1 | 3 {
  return ({ allowed: 0, refused: 1, unknown: 3 } as const)[decision.verdict];
}

interface ImageRun {
  readonly question: ImageQuestion;
  readonly policy: Policy;
  readonly world: ImageWorld;
  readonly limit: Limiter;
  readonly shared: SharedVerdicts;
  readonly trust: Trust;
  readonly now: Date;
}

/** A digest to be judged. */
export interface Target {
  readonly digest: Digest;
  readonly platform?: Platform;
}

async function judgeOnce(target: Target, run: ImageRun): Promise<ImageVerdict> {
  const { shared, question, limit } = run;
  const asked = { digest: target.digest, question };
  const { digest, ...verdict } = await shareVerdict(shared, asked, () => limit(() => judge(target.digest, run)));
  return { digest, ...(target.platform !== undefined && { platform: formatPlatform(target.platform) }), ...verdict };
}

async function judge(digest: Digest, run: ImageRun): Promise<ImageVerdict> {
  const { question, policy, trust, now } = run;
  const found = await find(digest, run);
  const artifact: Artifact = {
    name: formatReference(pinReference(question.reference, digest)),
    digests: [digest],
  };
  const examined = found.evidence.map((piece) => ({
    piece,
    ...examineImageEvidence(piece, { artifact, policy, trust, now, question }),
  }));
  const claims = examined.flatMap(({ report }) => report.claims ?? []);
  // Anybody may put evidence of another kind beside an image: that the asker gave no key for it is no wrong usage.
  const decision = evaluate(claims, policy);
  const verdict = verdictOf(digest, { found, decision, evidence: examined.map(reportOf), claims });
  const { peer } = run.world;
  return peer === undefined ? verdict : await withSecondOpinion(verdict, examined, { ...run, peer });
}

/** Loaded only where somebody is to be asked, who knows bundles and nothing older. */
async function withSecondOpinion(
  verdict: ImageVerdict,
  examined: readonly { readonly piece: ImageEvidence; readonly report: EvidenceReport }[],
  { trust, policy, peer }: ImageRun & { readonly peer: Peer },
): Promise<ImageVerdict> {
  const { addImageOpinion } = await import("./second-opinion.ts");
  const evidence = examined.map(({ piece, report }) => ({
    bytes: piece.bytes,
    report,
    ...(piece.layout !== "bundle" &&
      piece.layout !== "github" && { unable: "it knows none of cosign's layouts that are older than bundles" }),
  }));
  return addImageOpinion(verdict, { trust, policy, peer, evidence });
}

async function find(digest: Digest, { question, world }: ImageRun): Promise<FoundEvidence> {
  if (question.findElsewhere !== undefined) return await question.findElsewhere(digest);
  return await findEvidence(world.registry, {
    repository: question.evidenceRepository ?? question.fetchFrom ?? question.reference,
    digest,
    wanted: question.role.kind,
    ...(question.tagPrefix !== undefined && { tagPrefix: question.tagPrefix }),
  });
}

function reportOf({
  piece,
  report,
}: {
  piece: ImageEvidence;
  report: EvidenceReport;
}): ImageVerdict["evidence"][number] {
  return { ...report, layout: piece.layout };
}

interface Judged {
  readonly found: FoundEvidence;
  readonly decision: Decision;
  readonly evidence: ImageVerdict["evidence"];
  readonly claims: readonly Verified<Claims>[];
}

function verdictOf(digest: Digest, { found, decision, evidence, claims }: Judged): ImageVerdict {
  const failed = evidence.flatMap((each) => each.findings);
  const problems = [...found.problems.map(findingOf), ...found.rejected.map(warned)];
  const isAllowed = decision.verdict === "allowed";
  const against = isAllowed ? [] : reasonsAgainst({ found, decision, failed, hasClaims: claims.length > 0 });
  const verdict = isAllowed ? "allowed" : problems.some((each) => each.level === "unknown") ? "unknown" : "refused";
  const [first] =
    verdict === "unknown" ? problems.filter((each) => each.level === "unknown") : [...against, ...problems];
  return {
    digest,
    verdict,
    ...(decision.rule !== undefined && { rule: decision.rule }),
    reason: isAllowed ? decision.reason : (first?.message ?? decision.reason),
    ...(first !== undefined && !isAllowed && { code: first.code }),
    evidence,
    findings: isAllowed ? [...failed, ...problems].map(asWarning) : [...against, ...problems],
    notes: found.notes,
  };
}

function reasonsAgainst({
  found,
  decision,
  failed,
  hasClaims,
}: {
  found: FoundEvidence;
  decision: Decision;
  failed: readonly Finding[];
  hasClaims: boolean;
}): readonly Finding[] {
  // Whatever could not be read may have been the evidence: then that is the reason.
  if (found.evidence.length === 0)
    return found.problems.length > 0 ? [] : [findingOf(pipelineError("PIPELINE_IMAGE_UNSIGNED"))];
  return hasClaims ? [...decision.findings, ...failed] : failed;
}

function warned(error: TrustError): Finding {
  return asWarning(findingOf(error));
}

function asWarning(finding: Finding): Finding {
  return { ...finding, level: "warn" };
}

/** An image whose index was allowed is what the index says it is. */
function cover({ digest, platform }: Target, index: Digest): ImageVerdict {
  return {
    digest,
    ...(platform !== undefined && { platform: formatPlatform(platform) }),
    coveredBy: index,
    verdict: "allowed",
    reason: "named by the allowed index",
    evidence: [],
    findings: [],
    notes: [],
  };
}

/** The map's answer stands beside that of the signatures: what either refuses is refused, what either cannot tell is unknown. */
function decideTag(decision: ImageReport["decision"], tag: TagReport | undefined): ImageReport["decision"] {
  const isWorse =
    tag !== undefined &&
    tag.verdict !== "allowed" &&
    (decision.verdict === "allowed" || (decision.verdict === "unknown" && tag.verdict === "refused"));
  const [finding] = tag?.findings ?? [];
  if (!isWorse || finding === undefined) return decision;
  return { verdict: tag.verdict, reason: finding.message, code: finding.code };
}

/** The root decides where it is allowed, or alone; otherwise every image that was asked about must be allowed. */
function decide(root: ImageVerdict, children: readonly ImageVerdict[]): ImageReport["decision"] {
  const judged = root.verdict === "allowed" || children.length === 0 ? [root] : children;
  const against =
    judged.find((each) => each.verdict === "unknown") ?? judged.find((each) => each.verdict === "refused");
  const { verdict, reason, code } = against ?? (judged[0] as ImageVerdict);
  const where = against?.platform === undefined ? "" : `${against.platform}: `;
  return { verdict, reason: `${where}${reason}`, ...(code !== undefined && { code }) };
}
