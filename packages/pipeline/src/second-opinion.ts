import {
  attempt,
  findingOf,
  quote,
  type Check,
  type Finding,
  type Requirements,
  type Verifier,
} from "@countersign/core";
import { evaluate, type Policy } from "@countersign/policy";
import { parseBundle, requirements } from "@countersign/sigstore";
import { pipelineError } from "./errors.ts";
import { groundsOf } from "./grounds.ts";
import type { ImageVerdict } from "./image.ts";
import type { EvidenceReport, Report } from "./report.ts";
import { guardsOf } from "./second-opinion-guard.ts";
import type { Trust } from "./trust.ts";

/** An independent implementation that can be asked about one bundle. It answers whatever happens, and never throws. */
export interface Peer {
  /** Its package and version. */
  readonly name: string;
  ask(question: PeerQuestion): PeerAnswer;
}

/** What the other implementation is given: the very bytes that ours was given, nothing parsed or filtered by us. */
export interface PeerQuestion {
  readonly bundle: Uint8Array;
  /** Trust roots, each as it was read. */
  readonly roots: readonly Uint8Array[];
  /** The artifact, if it was read and is not longer than `maxOpinionBytes`. */
  readonly message?: Uint8Array;
  /** The keys that the caller named. */
  readonly keys: readonly Verifier[];
  /** How much evidence is enough, by how the signer is known. */
  readonly require: { readonly certificate: Requirements; readonly key: Requirements };
}

/** Whom the other implementation saw, by its own reading. */
export type PeerSigner =
  | { readonly kind: "certificate"; readonly identity?: string; readonly issuer?: string }
  | { readonly kind: "key"; readonly spki: Uint8Array };

/** What the other implementation says of one bundle. */
export type PeerAnswer =
  | { readonly verdict: "accepts"; readonly signer: PeerSigner }
  | { readonly verdict: "refuses" | "unable"; readonly reason: string };

/** Both verdicts on one piece of evidence. `guards` are our checks of what the other is known to let through. */
export interface EvidenceOpinion {
  readonly source: string;
  readonly ours: "accepts" | "refuses";
  readonly theirs: PeerAnswer["verdict"];
  readonly reason: string;
  readonly guards: readonly Check[];
}

/** Whether the two agree. Only `agree` leaves an artifact allowed. */
export interface SecondOpinion {
  readonly outcome: "agree" | "disagree" | "unable";
  readonly by: string;
  readonly reason: string;
  readonly evidence: readonly EvidenceOpinion[];
}

type Verdict = Report["decision"]["verdict"];

/** Evidence as it was read, and what we say of it. */
export interface OpinionInput {
  readonly bytes: Uint8Array;
  /** What its signature covers, if that was kept. */
  readonly message?: Uint8Array;
  /** Why the other implementation cannot be given this. */
  readonly unable?: string;
  readonly report: EvidenceReport;
}

/** All that a second opinion is formed on. */
export interface OpinionCase {
  readonly peer: Peer;
  readonly trust: Trust;
  readonly policy: Policy;
  readonly evidence: readonly OpinionInput[];
}

/**
 * Asks the other implementation about every piece of evidence and compares. Where we allow, the two agree if the policy is met
 * by evidence that both accept alone, signed by whom both read the same; so a bundle that somebody adds cannot part them.
 * Where we refuse, they agree if the other accepts nothing that we refuse. Does not ask the other for its view of the policy:
 * it takes identities as patterns and knows no list of subjects.
 */
function formOpinion(verdict: Verdict, asked: OpinionCase): SecondOpinion {
  const evidence = asked.evidence.map((input) => opinionOn(input, asked));
  return { by: asked.peer.name, ...outcomeOf(verdict, asked, evidence), evidence };
}

/** A report with the other opinion in it. */
export function addOpinion(report: Report, asked: OpinionCase): Report {
  const secondOpinion = formOpinion(report.decision.verdict, asked);
  const { decision, findings } = decideTogether(report.decision, secondOpinion);
  const { at, ...rest } = report;
  return { ...rest, decision, findings: [...findings, ...report.findings], secondOpinion, at };
}

/** The verdict on one image with the other opinion in it. */
export function addImageOpinion(verdict: ImageVerdict, asked: OpinionCase): ImageVerdict {
  const secondOpinion = formOpinion(verdict.verdict, asked);
  const { decision, findings } = decideTogether(verdict, secondOpinion);
  return { ...verdict, ...decision, findings: [...findings, ...verdict.findings], secondOpinion };
}

/** What the other opinion makes of our decision: an allowed artifact stays so only if both agree. */
function decideTogether<T extends Report["decision"]>(
  decision: T,
  opinion: SecondOpinion,
): { readonly decision: T | Report["decision"]; readonly findings: readonly Finding[] } {
  if (opinion.outcome === "agree") return { decision, findings: [] };
  const differ = opinion.outcome === "disagree";
  const finding = findingOf(
    pipelineError(differ ? "PIPELINE_SECOND_OPINION_DISAGREES" : "PIPELINE_SECOND_OPINION_UNABLE", {
      checked: opinion.by,
      got: opinion.reason,
    }),
  );
  if (decision.verdict !== "allowed") return { decision, findings: [{ ...finding, level: "warn" }] };
  const { code, message: reason } = finding;
  return { decision: { verdict: differ ? "refused" : "unknown", reason, code }, findings: [finding] };
}

function opinionOn(input: OpinionInput, { peer, trust, policy }: OpinionCase): EvidenceOpinion {
  const { report, bytes, message } = input;
  const answer: PeerAnswer =
    input.unable === undefined
      ? askPeer(peer, {
          bundle: bytes,
          roots: trust.files.map((file) => file.bytes),
          keys: trust.keys,
          require: {
            certificate: { ...requirements.certificate, ...waivedFor(bytes, trust), ...policy.require },
            key: { ...requirements.key, ...policy.require },
          },
          ...(message !== undefined && { message }),
        })
      : { verdict: "unable", reason: input.unable };
  return {
    source: report.source,
    ours: report.claims === undefined ? "refuses" : "accepts",
    theirs: answer.verdict,
    reason: answer.verdict === "accepts" ? "every check of its own held" : quote(answer.reason).slice(1, -1),
    guards: answer.verdict === "accepts" ? guardsOf(report, answer.signer) : [],
  };
}

/** Nothing that a peer throws or leaves out may pass for a verdict, nor end the run. */
function askPeer(peer: Peer, question: PeerQuestion): PeerAnswer {
  try {
    const answer = peer.ask(question) as PeerAnswer | undefined;
    if (answer !== undefined && isAnswer(answer)) return answer;
    return { verdict: "unable", reason: "it broke off without an answer" };
  } catch (error) {
    const reason = error instanceof Error ? error.message : "with no error of its own";
    return { verdict: "unable", reason: `it broke off: ${reason}` };
  }
}

function isAnswer(answer: PeerAnswer): boolean {
  if (answer.verdict !== "accepts") return typeof answer.reason === "string";
  const signer: unknown = answer.signer;
  return typeof signer === "object" && signer !== null;
}

/** What is done without for this very certificate: an instance without a log does not loosen what is asked of others. */
function waivedFor(bytes: Uint8Array, trust: Trust): Partial<Requirements> {
  return attempt(() => groundsOf(parseBundle(bytes), trust, undefined).require) ?? {};
}

type Outcome = Pick<SecondOpinion, "outcome" | "reason">;

function outcomeOf(verdict: Verdict, { policy, evidence }: OpinionCase, opinions: readonly EvidenceOpinion[]): Outcome {
  if (verdict === "unknown") return { outcome: "unable", reason: "there is no verdict to compare with" };
  if (verdict === "refused") return outcomeOfRefusal(opinions);
  const confirmed = evidence.flatMap(({ report: { claims } }, index) =>
    claims !== undefined && isConfirmed(opinions[index]) ? [claims] : [],
  );
  if (evaluate(confirmed, policy).verdict === "allowed") return { outcome: "agree", reason: "both accept" };
  const accepted = opinions.filter(({ ours }) => ours === "accepts");
  const against = accepted.find((each) => each.theirs !== "unable" && !isConfirmed(each));
  if (against !== undefined) return { outcome: "disagree", reason: reasonOf(against) };
  return {
    outcome: "unable",
    reason: accepted.find(({ theirs }) => theirs === "unable")?.reason ?? "nothing to ask about",
  };
}

function isConfirmed(opinion: EvidenceOpinion | undefined): boolean {
  return opinion?.theirs === "accepts" && opinion.guards.every(({ result }) => result !== "failed");
}

function reasonOf({ theirs, reason, guards }: EvidenceOpinion): string {
  const guard = guards.find(({ result }) => result === "failed");
  return theirs === "accepts" && guard !== undefined ? `${guard.name}: ${guard.detail}` : `it refuses: ${reason}`;
}

function outcomeOfRefusal(opinions: readonly EvidenceOpinion[]): Outcome {
  const against = opinions.find(({ ours, theirs }) => ours === "refuses" && theirs === "accepts");
  if (against !== undefined) return { outcome: "disagree", reason: `it accepts ${quote(against.source)}` };
  const unable = opinions.find(({ theirs }) => theirs === "unable");
  if (unable !== undefined) return { outcome: "unable", reason: unable.reason };
  if (opinions.length === 0) return { outcome: "unable", reason: "there is no evidence to ask about" };
  const parted = opinions.find(({ ours, theirs }) => ours === "accepts" && theirs === "refuses");
  if (parted !== undefined) return { outcome: "disagree", reason: reasonOf(parted) };
  return { outcome: "agree", reason: "neither allows it" };
}
