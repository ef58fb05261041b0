import {
  parseLinkPredicate,
  parseSlsaProvenance,
  parseSlsaProvenanceV02,
  quote,
  type DigestSet,
  type JsonObject,
  type LinkPredicate,
  type Statement,
  type TrustError,
} from "@countersign/core";
import type { Artifacts } from "../artifacts.ts";
import { inTotoError } from "../errors.ts";
import { formatHashes, readHashes, type Hashes } from "../hashes.ts";
import type { Link } from "../link.ts";
import { checkArtifactPath, checkName } from "../name.ts";

/** in-toto link 0.3. */
export const linkPredicateType = "https://in-toto.io/attestation/link/v0.3";

/** What a Statement says came in and went out. */
export interface StatementArtifacts {
  readonly materials: Artifacts;
  readonly products: Artifacts;
}

/** Anything with a digest that may be named in one of several ways. */
interface Described {
  readonly name?: string | undefined;
  readonly uri?: string | undefined;
  readonly digest?: DigestSet | undefined;
}

const materialsOf: ReadonlyMap<string, (statement: Statement) => readonly Described[]> = new Map([
  [linkPredicateType, ({ predicate }: Statement) => parseLinkPredicate(predicate).materials ?? []],
  [
    "https://slsa.dev/provenance/v1",
    ({ predicate }: Statement) => parseSlsaProvenance(predicate).buildDefinition.resolvedDependencies ?? [],
  ],
  ["https://slsa.dev/provenance/v0.2", ({ predicate }: Statement) => parseSlsaProvenanceV02(predicate).materials ?? []],
]);

/** Whether predicates of the type tell of a step that makes things (ITE-10: the link class), rather than of what they judge. */
export function isTransforming(predicateType: string): boolean {
  return materialsOf.has(predicateType);
}

/**
 * What a Statement says of artifacts (ITE-10). Link 0.3 and SLSA provenance: the subjects are products, the materials or
 * resolved dependencies materials. All others, such as test results: the subjects are materials, and nothing is made.
 * An artifact goes by its name, else its URI, else its first digest as `<algorithm>:<value>`; no two by one name.
 * Throws INTOTO_STATEMENT_ARTIFACTS, INTOTO_NAME_UNSAFE and CORE_PREDICATE_MALFORMED.
 */
export function artifactsOf(statement: Statement): StatementArtifacts {
  const subjects = readArtifacts(statement.subjects);
  const materials = materialsOf.get(statement.predicateType);
  if (materials === undefined) return { materials: subjects, products: new Map() };
  return { materials: readArtifacts(materials(statement)), products: subjects };
}

function readArtifacts(described: readonly Described[]): Artifacts {
  const artifacts = new Map<string, Hashes>();
  for (const each of described) {
    const { digest } = each;
    if (digest === undefined || Object.keys(digest).length === 0)
      throw wrong({ checked: nameOf(each), got: "no digest" });
    const name = nameOf(each);
    const hashes = formatHashes(digest);
    const known = artifacts.get(name);
    if (known !== undefined && known !== hashes)
      throw wrong({ checked: quote(name), got: "two artifacts by that name" });
    artifacts.set(name, hashes);
  }
  return artifacts;
}

function nameOf({ name, uri, digest = {} }: Described): string {
  if (name !== undefined && name !== "") return checkArtifactPath(name);
  if (uri !== undefined && uri !== "") return uri;
  const [first] = Object.entries(digest).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return first === undefined ? "" : first.join(":");
}

/**
 * A link 0.3 Statement as the link that it stands for (link.md, "Converting to old-style links"). Throws as `artifactsOf`,
 * and INTOTO_STATEMENT_ARTIFACTS for products without names, which links cannot have.
 */
export function linkOf(statement: Statement): Link {
  const { name, command, byproducts, environment }: LinkPredicate = parseLinkPredicate(statement.predicate);
  if (statement.subjects.some((subject) => subject.name === undefined || subject.name === ""))
    throw wrong({ checked: "subjects of a link", expected: "a name for each" });
  return {
    name: checkName(name),
    ...artifactsOf(statement),
    byproducts: byproducts ?? {},
    command: command ?? [],
    environment: environment ?? {},
  };
}

/** A link as a link 0.3 Statement; the inverse of `linkOf`. Throws INTOTO_STATEMENT_ARTIFACTS for a link without products: a Statement is about something. */
export function formatLinkStatement({ name, command, materials, products, byproducts, environment }: Link): JsonObject {
  if (products.size === 0) throw wrong({ checked: `link of ${quote(name)}`, expected: "a product", got: "none" });
  return {
    _type: "https://in-toto.io/Statement/v1",
    subject: describe(products),
    predicateType: linkPredicateType,
    predicate: { name, command, materials: describe(materials), byproducts, environment },
  };
}

function describe(artifacts: Artifacts): readonly JsonObject[] {
  return [...artifacts].map(([name, hashes]) => ({ name, digest: Object.fromEntries(readHashes(hashes)) }));
}

function wrong(detail: { readonly checked?: string; readonly expected?: string; readonly got?: string }): TrustError {
  return inTotoError("INTOTO_STATEMENT_ARTIFACTS", detail);
}
