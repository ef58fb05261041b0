import { quote, type JsonObject } from "@countersign/core";
import { inTotoError } from "./errors.ts";
import { escapeGlob } from "./glob-escape.ts";
import type { LayoutKey } from "./key.ts";
import type { Artifacts } from "./artifacts.ts";
import type { Link } from "./link.ts";

/** A link and who signed it. Its signatures need not be proved: what comes out is a proposal, for a person to judge. */
export interface LinkSample {
  readonly link: Link;
  /** Ids under which it is signed; empty for an unsigned one. */
  readonly keyids: readonly string[];
}

/** What a proposal needs besides the links. */
export interface InitOptions {
  /** `YYYY-MM-DDTHH:MM:SSZ`. */
  readonly expires: string;
  readonly readme?: string;
  /** Public keys of those who perform the steps. */
  readonly keys: readonly LayoutKey[];
  /** Adds an inspection, without a command, of this directory of the final product. */
  readonly productDirectory?: string;
}

/** Up to this many files are named one by one; of more, their directories. */
export const maxNamedFiles: number = 8;

/**
 * Proposes a layout under which these links pass: their steps in the order in which artifacts flow, a MATCH for what came
 * from an earlier step, CREATE, MODIFY and MATCH for what a step made, changed and left alone, and DISALLOW for all else.
 * It says what happened once, not what should: read it, and sign it only then. Gives the signed part, to be signed.
 * Throws INTOTO_INIT_LINKS_MISSING, INTOTO_INIT_LINKS_DIFFER, INTOTO_INIT_KEY_MISSING.
 */
export function proposeLayout(samples: readonly LinkSample[], options: InitOptions): JsonObject {
  if (samples.length === 0) throw inTotoError("INTOTO_INIT_LINKS_MISSING");
  const steps = orderSteps(groupSteps(samples));
  const listed = new Map(options.keys.map((key) => [key.keyid, key]));
  const proposed = steps.map((step, at) => proposeStep(step, steps.slice(0, at), options.keys));
  const used = new Set(proposed.flatMap(({ pubkeys }) => pubkeys));
  const last = steps.at(-1) as SampledStep;
  return {
    _type: "layout",
    expires: options.expires,
    inspect: options.productDirectory === undefined ? [] : [proposeInspection(last, options.productDirectory)],
    keys: Object.fromEntries(
      [...listed].filter(([keyid]) => used.has(keyid)).map(([keyid, key]) => [keyid, listedJson(key)]),
    ),
    readme: options.readme ?? "",
    steps: proposed,
  };
}

/** One step with what its links, which agree, tell. */
interface SampledStep {
  readonly name: string;
  readonly link: Link;
  readonly keyids: ReadonlySet<string>;
  readonly count: number;
}

function groupSteps(samples: readonly LinkSample[]): readonly SampledStep[] {
  const steps = new Map<string, SampledStep>();
  for (const { link, keyids } of samples) {
    const known = steps.get(link.name);
    if (known !== undefined && !isSameWork(known.link, link))
      throw inTotoError("INTOTO_INIT_LINKS_DIFFER", { checked: `step ${quote(link.name)}` });
    const all = new Set([...(known?.keyids ?? []), ...keyids]);
    steps.set(link.name, { name: link.name, link: known?.link ?? link, keyids: all, count: (known?.count ?? 0) + 1 });
  }
  return [...steps.values()];
}

function isSameWork(one: Link, other: Link): boolean {
  return isSameList(one.materials, other.materials) && isSameList(one.products, other.products);
}

function isSameList(one: Artifacts, other: Artifacts): boolean {
  return one.size === other.size && [...one].every(([path, hashes]) => other.get(path) === hashes);
}

/** Those first from which others took artifacts; else, and in a loop, as they were given. */
function orderSteps(steps: readonly SampledStep[]): readonly SampledStep[] {
  const sources = findSources(steps);
  const waiting = [...steps];
  const ordered: SampledStep[] = [];
  while (waiting.length > 0) {
    const isFree = (step: SampledStep): boolean => !waiting.some((other) => sources.get(step)?.has(other) === true);
    ordered.push(...waiting.splice(Math.max(waiting.findIndex(isFree), 0), 1));
  }
  return ordered;
}

/** For each step the others that made or changed one of its materials. */
function findSources(steps: readonly SampledStep[]): ReadonlyMap<SampledStep, ReadonlySet<SampledStep>> {
  const makers = new Map<string, SampledStep[]>();
  for (const step of steps) {
    for (const [path, hashes] of step.link.products) {
      if (step.link.materials.get(path) === hashes) continue;
      const made = `${hashes} ${path}`;
      makers.set(made, [...(makers.get(made) ?? []), step]);
    }
  }
  return new Map(
    steps.map((step) => {
      const found = [...step.link.materials].flatMap(([path, hashes]) => makers.get(`${hashes} ${path}`) ?? []);
      return [step, new Set(found.filter((other) => other !== step))];
    }),
  );
}

type ProposedStep = JsonObject & { readonly pubkeys: readonly string[] };

function proposeStep(step: SampledStep, earlier: readonly SampledStep[], keys: readonly LayoutKey[]): ProposedStep {
  const pubkeys = keys.filter(({ ids }) => ids.some((id) => step.keyids.has(id))).map(({ keyid }) => keyid);
  const allowed = pubkeys.length > 0 ? pubkeys : keys.map(({ keyid }) => keyid);
  if (allowed.length === 0) throw inTotoError("INTOTO_INIT_KEY_MISSING", { checked: `step ${quote(step.name)}` });
  return {
    _type: "step",
    name: step.name,
    pubkeys: allowed,
    threshold: Math.max(1, Math.min(step.count, pubkeys.length)),
    expected_command: step.link.command,
    expected_materials: proposeMaterials(step.link, earlier),
    expected_products: proposeProducts(step),
  };
}

type Words = readonly string[];

/** Each material comes from the latest earlier step that had it, or is allowed by name. */
function proposeMaterials({ materials }: Link, earlier: readonly SampledStep[]): Words[] {
  const sources = new Set<string>();
  const others: string[] = [];
  for (const [path, hashes] of materials) {
    const source = earlier.findLast(({ link }) => link.products.get(path) === hashes);
    if (source === undefined) others.push(path);
    else sources.add(source.name);
  }
  const matches = earlier
    .toReversed()
    .filter(({ name }) => sources.has(name))
    .map(({ name }) => ["MATCH", "*", "WITH", "PRODUCTS", "FROM", name]);
  return [...matches, ...coverPaths(others).map((pattern) => ["ALLOW", pattern]), ["DISALLOW", "*"]];
}

function proposeProducts({ name, link }: SampledStep): Words[] {
  const { materials, products } = link;
  const paths = [...products.keys()];
  const kept = paths.filter((path) => materials.get(path) === products.get(path));
  const changed = paths.filter((path) => materials.has(path) && materials.get(path) !== products.get(path));
  const created = paths.filter((path) => !materials.has(path));
  return [
    ...(kept.length === 0 ? [] : [["MATCH", "*", "WITH", "MATERIALS", "FROM", name]]),
    ...coverPaths(changed).map((pattern) => ["MODIFY", pattern]),
    ...coverPaths(created).map((pattern) => ["CREATE", pattern]),
    ["DISALLOW", "*"],
  ];
}

/** The inspection lists paths relative to the directory, the last step has them whole. */
function proposeInspection(last: SampledStep, productDirectory: string): JsonObject {
  const directory = productDirectory.replace(/(?<=.)\/+$/, "");
  const isAll = directory === ".";
  return {
    _type: "inspection",
    name: "product",
    run: ["countersign:dir", directory],
    expected_materials: [],
    expected_products: [
      ["MATCH", "*", "WITH", "PRODUCTS", ...(isAll ? [] : ["IN", directory]), "FROM", last.name],
      ["DISALLOW", "*"],
    ],
  };
}

/** Patterns that together match each path: the paths themselves if they are few, else whole top directories. */
function coverPaths(paths: readonly string[]): readonly string[] {
  if (paths.length <= maxNamedFiles) return paths.map(escapeGlob);
  const tops = new Map<string, string[]>();
  for (const path of paths) {
    const top = path.includes("/") ? path.slice(0, path.indexOf("/")) : "";
    const below = tops.get(top) ?? [];
    below.push(path);
    tops.set(top, below);
  }
  if (tops.size > maxNamedFiles) return ["*"];
  return [...tops].flatMap(([top, below]) => {
    if (below.length <= 1) return below.map(escapeGlob);
    if (top !== "") return [`${escapeGlob(top)}/*`];
    return below.length > maxRootFiles ? ["*"] : below.map(escapeGlob);
  });
}

/** So many files outside of any directory are still named one by one. */
const maxRootFiles = 32;

function listedJson(key: LayoutKey): JsonObject {
  return { ...key.json, keyid: key.keyid };
}
