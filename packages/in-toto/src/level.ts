import { digestOf, findingOf, quote, TrustError, type Finding } from "@countersign/core";
import type { BundleProver } from "./bundle.ts";
import { inTotoError } from "./errors.ts";
import { carryOut, checkInspectable, type InspectionRunner, type Lister, type Product } from "./inspection.ts";
import { judgeItem, type Chain } from "./judge.ts";
import type { LayoutKey } from "./key.ts";
import type { Layout, Step } from "./layout.ts";
import type { Link } from "./link.ts";
import type { LinkSource } from "./link-source.ts";
import type { Metadata } from "./metadata.ts";
import type { Mode } from "./mode.ts";
import type { Draft, ItemReport, LayoutReport, StepReport } from "./report.ts";
import { checkRunBindings, parseRunRequirement, type PlacedLink, type RunRequirement } from "./run-binding.ts";
import { checkSignature } from "./signature.ts";
import { checkStepLinks, commandWarnings } from "./step-link.ts";
import {
  isAttested,
  isExperimental,
  judgeAttested,
  judgeLinkAttributes,
  placedLinkOf,
  proveAttested,
  signerOf,
} from "./attestation/attested-step.ts";
import { standInFor } from "./attestation/statement-judge.ts";
import type { SignedStatement } from "./attestation/statement-search.ts";
import { checkEnough, proveStep, type SignedBy, type SignedStep } from "./step.ts";
import { checkDescent, type Descent } from "./sublayout.ts";
import { substituteLayout, type Substitutions } from "./substitution.ts";
import { summarise } from "./summary.ts";

/** What one verification shares over all its layouts. */
export interface Trail {
  readonly mode: Mode;
  readonly now: Date;
  readonly listers: ReadonlyMap<string, Lister>;
  readonly product?: Product | undefined;
  readonly sublayoutInspect?: InspectionRunner | undefined;
  readonly bundles?: BundleProver | undefined;
  /** What the caller requires of every link. */
  readonly runBinding?: RunRequirement | undefined;
  readonly findings: Finding[];
  /** How many sublayouts were entered. */
  sublayouts: number;
}

/** One layout that is to be met. */
export interface LevelQuestion extends Descent {
  readonly metadata: Metadata;
  readonly keys: readonly LayoutKey[];
  readonly links: LinkSource;
  readonly substitutions?: Substitutions | undefined;
  readonly inspect?: InspectionRunner | undefined;
}

/** What came of it. */
export interface LevelAnswer {
  readonly report: LayoutReport;
  /** The summary link; absent if the layout was not met. */
  readonly link?: Link;
  /** Every link that was relied on, also below sublayouts. */
  readonly links: readonly PlacedLink[];
  /** Who signed for each step, in the order of the layout; empty if the layout was not met. */
  readonly signed: ReadonlyMap<string, readonly SignedBy[]>;
}

interface Level {
  readonly trail: Trail;
  readonly question: LevelQuestion;
  readonly report: Draft<LayoutReport>;
  readonly signed: Map<string, readonly SignedBy[]>;
  readonly linked: Map<string, readonly SignedStep[]>;
  readonly attested: Map<string, readonly SignedStatement[]>;
  /** The links of each step, summaries in the place of sublayouts; then the one that stands for them. */
  readonly stepLinks: Map<string, Link[]>;
  readonly chain: Map<string, Link>;
  readonly all: PlacedLink[];
}

/**
 * Verifies one layout with everything below it. What is wrong becomes a finding in `trail`, all of one phase together;
 * the phases after it are not entered, so that no command runs on what was refused.
 */
export function verifyLevel(trail: Trail, question: LevelQuestion): LevelAnswer {
  const level = openLevel(trail, question);
  const layout = attempt(level, undefined, () => openLayout(level));
  if (layout === undefined) return { report: level.report, links: [], signed: new Map() };
  level.report.steps = layout.steps.map(stepReport);
  level.report.inspections = layout.inspections.map(({ name, run }) => ({ name, run, verdict: "not reached" }));
  for (const phase of [proveSteps, enterSublayouts, checkLinks, checkRuns, judgeSteps, inspect]) {
    const before = failures(trail);
    phase(level, layout);
    if (failures(trail) > before) return { report: level.report, links: level.all, signed: new Map() };
  }
  const link = summarise(layout, level.chain, question.place.at(-1) ?? "");
  return { report: level.report, links: level.all, link, signed: level.signed };
}

function openLevel(trail: Trail, question: LevelQuestion): Level {
  const { metadata, place } = question;
  const report: Draft<LayoutReport> = {
    place: [...place],
    digest: digestOf("sha256", metadata.signedBytes()),
    form: metadata.form,
    signers: [],
    steps: [],
    inspections: [],
  };
  const [signed, linked, attested] = [new Map(), new Map(), new Map()];
  return { trail, question, report, signed, linked, attested, stepLinks: new Map(), chain: new Map(), all: [] };
}

function stepReport({ name, threshold }: Step): StepReport {
  return { name, verdict: "not reached", threshold, functionaries: [], ignored: [] };
}

/** The layout, signed by every key and not expired, with its names replaced. */
function openLayout(level: Level): Layout {
  const { metadata, keys, substitutions, inspect: run } = level.question;
  const { now, mode, product, listers } = level.trail;
  if (metadata.type === "link" && metadata.contentError !== undefined) throw metadata.contentError;
  if (metadata.type !== "layout") throw inTotoError("INTOTO_LAYOUT_NEEDED");
  for (const key of keys) {
    checkSignature(metadata, key, now.getTime());
    level.report.signers.push(key.keyid);
  }
  level.report.expires = metadata.layout.expires;
  checkExpiry(metadata.layout, now, mode);
  const layout = substitutions === undefined ? metadata.layout : substituteLayout(metadata.layout, substitutions, mode);
  if (mode === "strict" && layout.steps.length === 0 && layout.inspections.length === 0)
    throw inTotoError("INTOTO_LAYOUT_EMPTY");
  for (const inspection of layout.inspections) checkInspectable(inspection, { run, product }, listers);
  if (layout.steps.some(isExperimental))
    level.trail.findings.push({ ...findingIn(level, undefined, inTotoError("INTOTO_EXPERIMENTAL")), level: "warn" });
  return layout;
}

function checkExpiry({ expires, expiresMs }: Layout, now: Date, mode: Mode): void {
  const isExpired = mode === "compat" ? expiresMs < now.getTime() : expiresMs <= now.getTime();
  if (isExpired)
    throw inTotoError("INTOTO_LAYOUT_EXPIRED", { expected: `a time before ${expires}`, got: now.toISOString() });
}

function proveSteps(level: Level, layout: Layout): void {
  for (const [at, step] of layout.steps.entries())
    attempt(level, itemAt(level, at), () => proveOne(level, layout, step, itemAt(level, at) as Draft<StepReport>));
}

function proveOne(level: Level, layout: Layout, step: Step, report: Draft<StepReport>): void {
  const { links } = level.question;
  if (isAttested(step)) {
    const statements = proveAttested(step, { layout, links, bundles: level.trail.bundles }, report);
    level.attested.set(step.name, statements);
    level.signed.set(step.name, statements.map(signerOf));
    return;
  }
  const { signed, ignored } = proveStep(step, { layout, links, ...level.trail });
  report.functionaries = signed.map(({ keyid, materialId: material, type, proved }) => ({
    keyid,
    material,
    evidence: type,
    ...(proved === undefined ? {} : { proved }),
  }));
  report.ignored = ignored.map(({ keyid, error: { code, message } }) => ({ keyid, code, message }));
  checkEnough(step, { signed, ignored }, level.trail.mode);
  level.linked.set(step.name, signed);
  level.signed.set(step.name, signed);
}

function enterSublayouts(level: Level, layout: Layout): void {
  for (const [at, step] of layout.steps.entries()) {
    const links: Link[] = [];
    level.stepLinks.set(step.name, links);
    const place = [...level.question.place, step.name];
    const where = ({ keyid }: SignedBy): string => `${place.map(quote).join(" / ")} by ${quote(keyid.slice(0, 8))}`;
    for (const each of level.attested.get(step.name) ?? [])
      attempt(level, itemAt(level, at), () => {
        level.all.push({ place: where(signerOf(each)), link: placedLinkOf(each) });
      });
    for (const [index, signed] of (level.linked.get(step.name) ?? []).entries()) {
      if (signed.type === "link") {
        links.push(signed.link);
        level.all.push({ place: where(signed), link: signed.link });
      } else attempt(level, itemAt(level, at), () => enter(level, { layout, signed, place, at, index, links }));
    }
  }
}

interface Entry {
  readonly layout: Layout;
  readonly signed: SignedStep & { readonly type: "layout" };
  readonly place: readonly string[];
  /** Which step, and which of its functionaries. */
  readonly at: number;
  readonly index: number;
  readonly links: Link[];
}

function enter(level: Level, { layout, signed, place, at, index, links }: Entry): void {
  const { trail, question } = level;
  const key = layout.keys.get(signed.keyid);
  // As the reference: a subkey may sign a link for its main key, but no sublayout.
  if (key === undefined) throw inTotoError("INTOTO_SUBLAYOUT_KEY", { got: quote(signed.keyid) });
  const ancestors = checkDescent(
    { place, ancestors: new Set([...question.ancestors, level.report.digest]) },
    signed.metadata,
    trail,
  );
  const answer = verifyLevel(trail, {
    metadata: signed.metadata,
    keys: [key],
    links: question.links.sub(`${place.at(-1)}.${signed.keyid.slice(0, 8)}`),
    place,
    ancestors,
    inspect: trail.sublayoutInspect,
  });
  const item = itemAt(level, at) as Draft<StepReport>;
  const functionary = item.functionaries[index];
  if (functionary !== undefined) item.functionaries[index] = { ...functionary, sublayout: answer.report };
  if (answer.link === undefined) Object.assign(item, { verdict: "failed", code: trail.findings.at(-1)?.code });
  else links.push(answer.link);
  for (const each of answer.links) level.all.push(each);
}

function checkLinks(level: Level, layout: Layout): void {
  for (const [at, step] of layout.steps.entries()) {
    const links = level.stepLinks.get(step.name) ?? [];
    const attested = level.attested.get(step.name);
    if (attested !== undefined) {
      attempt(level, itemAt(level, at), () => level.chain.set(step.name, standInFor(step, attested)));
      continue;
    }
    attempt(level, itemAt(level, at), () => level.chain.set(step.name, checkStepLinks(step, links, level.trail.mode)));
    for (const error of commandWarnings(step, links))
      level.trail.findings.push({ ...findingIn(level, undefined, error), level: "warn" });
  }
}

function checkRuns(level: Level, layout: Layout): void {
  const { trail, question, all } = level;
  attempt(level, undefined, () => {
    // The reference knows nothing of what layouts require.
    const required = trail.mode === "compat" ? undefined : parseRunRequirement(layout.raw, question.substitutions);
    const asked = question.place.length === 0 ? trail.runBinding : undefined;
    for (const each of [required, asked]) if (each !== undefined) checkRunBindings(all, each);
  });
}

function judgeSteps(level: Level, layout: Layout): void {
  const chain: Chain = level.chain;
  for (const [at, step] of layout.steps.entries()) {
    const item = itemAt(level, at) as Draft<StepReport>;
    const attested = level.attested.get(step.name);
    const warnings = attempt(level, item, () => {
      if (attested !== undefined) return judgeAttested(step, attested, chain, item);
      judgeItem(step, chain, item);
      return judgeLinkAttributes(step, level.stepLinks.get(step.name) ?? [], item);
    });
    level.trail.findings.push(...(warnings ?? []));
  }
}

/** All inspections are carried out before the rules of the first are applied, so that they may refer to each other. */
function inspect(level: Level, layout: Layout): void {
  const { trail, question, report } = level;
  const chain = new Map<string, Pick<Link, "materials" | "products">>(level.chain);
  for (const [at, inspection] of layout.inspections.entries()) {
    const inspectors = { run: question.inspect, product: trail.product };
    const outcome = attempt(level, report.inspections[at], () =>
      carryOut({ inspection, place: question.place }, inspectors, trail.listers),
    );
    if (outcome === undefined) return;
    chain.set(inspection.name, outcome);
  }
  for (const [at, inspection] of layout.inspections.entries()) {
    const item = report.inspections[at] as Draft<ItemReport>;
    attempt(level, item, () => judgeItem(inspection, chain, item));
  }
}

function itemAt(level: Level, at: number): Draft<ItemReport> {
  return level.report.steps[at] as Draft<ItemReport>;
}

/** Runs a check; what it refuses becomes a finding, and the verdict of the item. */
function attempt<T>(level: Level, item: Draft<ItemReport> | undefined, check: () => T): T | undefined {
  try {
    return check();
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
    level.trail.findings.push(findingIn(level, item, error));
    if (item !== undefined) Object.assign(item, { verdict: "failed", code: error.code });
    return undefined;
  }
}

/** A finding that says where it was made. */
function findingIn(level: Level, item: ItemReport | undefined, error: TrustError): Finding {
  const { place } = level.question;
  const found = findingOf(error);
  const where = [
    ...(place.length === 0 ? [] : [`sublayout of ${place.map(quote).join(" / ")}`]),
    ...(item === undefined || found.message.includes(quote(item.name)) ? [] : [quote(item.name)]),
  ];
  return where.length === 0 ? found : { ...found, message: `${where.join(", ")}: ${found.message}` };
}

function failures({ findings }: Trail): number {
  return findings.filter(({ level }) => level !== "warn").length;
}
