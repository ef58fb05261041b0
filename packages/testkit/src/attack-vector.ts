import { base64, type HashName, type Requirements } from "@countersign/core";
import { buildTrustedRoot, type TrustedRootParts } from "@countersign/local-sigstore";
import type { DenyList } from "@countersign/policy";
import { signer, type Evidence } from "./evidence.ts";
import { instanceTime, makeInstance, type Instance } from "./instance.ts";
import { withAt, type Loose, type LooseObject } from "./json.ts";

/** One signer that the policy of a vector names; `pattern` makes both texts RE2 expressions. */
export type VectorSigner =
  | { readonly identity: string; readonly issuer: string; readonly pattern?: true }
  /** SubjectPublicKeyInfo, base64. */
  | { readonly key: string };

/** Puts a value at a dotted path such as `a.b.0.c` of a JSON document; without a value the member is removed. */
export type Edit = readonly [path: string, value?: Loose];

/** One forged (or, as a control, honest) bundle as data, with what must come of it. */
export interface Vector {
  readonly row: string;
  readonly about: string;
  /** Where the attack was seen, or why it is tried. */
  readonly source: string;
  readonly artifact: {
    /** The bytes that are judged. */
    readonly base64: string;
    /** Hashes of it that are known when it is judged by digest; none: by path only. */
    readonly digests: readonly HashName[];
  };
  /** Name of a file in `bundle/`, and what the attacker changed in it. */
  readonly bundle: string;
  readonly edits?: readonly Edit[];
  /** Name of a file in `root/`, and in what this one differs. */
  readonly trustedRoot: string;
  readonly rootEdits?: readonly Edit[];
  readonly policy: {
    readonly signers: readonly VectorSigner[];
    readonly require?: Partial<Requirements>;
    readonly deny?: DenyList;
  };
  readonly nowMs: number;
  /** `ok`, or the code of the refusal or of the error that is thrown. */
  readonly expect: string;
  /** Where the answer is another one when only digests are known. */
  readonly expectByDigest?: string;
  /** What the claims must contain, and the whole of every list in it. */
  readonly claims?: LooseObject;
  /** An honest bundle that no attack was made on. */
  readonly control?: true;
}

/** A vector with its name, and what its two files hold. */
export interface Attack {
  /** `<row>-<slug>`, the file's name. */
  readonly name: string;
  readonly vector: Omit<Vector, "bundle" | "trustedRoot">;
  readonly bundle: string;
  readonly root: string;
}

/** The text of a JSON document after edits; the text itself if there are none. */
export function editText(text: string, edits: readonly Edit[] = []): string {
  if (edits.length === 0) return text;
  return JSON.stringify(edits.reduce((json, [path, value]) => withAt(json, path, value), JSON.parse(text) as Loose));
}

/** How an attack departs from an honest bundle judged by its own policy. */
export interface Departure {
  readonly expect: string;
  readonly expectByDigest?: string;
  /** Edits of the bundle, in order: dotted path, and the new value (undefined removes it). */
  readonly edits?: readonly (readonly [path: string, value: Loose | undefined])[];
  /** Rewrites the text of the bundle. */
  readonly text?: (json: string) => string;
  /** The artifact that is judged, instead of the one that was signed. */
  readonly artifact?: Uint8Array;
  readonly digests?: readonly HashName[];
  readonly signers?: readonly VectorSigner[];
  readonly require?: Partial<Requirements>;
  readonly deny?: DenyList;
  /** Replaces parts of the trust root. */
  readonly root?: TrustedRootParts;
  /** Edits the JSON of the trust root. */
  readonly rootEdits?: readonly (readonly [path: string, value: Loose | undefined])[];
  readonly nowMs?: number;
  readonly claims?: LooseObject;
  readonly source?: string;
  readonly control?: true;
}

/** The instances that attacks are made with. */
export interface Stage {
  /** The one that the trust root knows. */
  readonly a: Instance;
  /** Another operator's, unknown unless an attack puts it into the trust root. */
  readonly b: Instance;
  /** An attacker's, every name in it the same as in `a`, every key another. */
  readonly twin: Instance;
}

/** Fresh keys and empty logs for all three. */
export function makeStage(): Stage {
  return { a: makeInstance("a"), b: makeInstance("b"), twin: makeInstance("a") };
}

/** When vectors are judged, in milliseconds: a month after they were signed. */
export const judgedMs: number = instanceTime.getTime() + 30 * 86_400_000;
/** A time relative to the signing of all vectors. */
export function after(seconds: number): Date {
  return new Date(instanceTime.getTime() + seconds * 1000);
}

/** What makes attacks of one row: `slug` names the file, `about` the test. */
export type Forge = (slug: string, about: string, evidence: Evidence, how: Departure) => Attack;

/** The forge of one row on one stage; `source` says where its attacks were seen unless one says otherwise. */
export function forge(stage: Stage, row: string, source: string): Forge {
  return (slug, about, evidence, how) => ({
    name: `${row}-${slug}`,
    root: JSON.stringify(rootOf(stage)),
    bundle: bundleOf(evidence, how),
    vector: {
      row,
      about,
      source: how.source ?? source,
      artifact: {
        base64: base64(how.artifact ?? evidence.artifact.bytes ?? new Uint8Array()),
        digests: how.digests ?? ["sha256"],
      },
      ...(how.text === undefined ? editsOf("edits", how.edits) : {}),
      ...editsOf("rootEdits", rootEditsOf(stage, how)),
      policy: {
        signers: how.signers ?? [signerOf(evidence)],
        ...(how.require === undefined ? {} : { require: how.require }),
        ...(how.deny === undefined ? {} : { deny: how.deny }),
      },
      nowMs: how.nowMs ?? judgedMs,
      expect: how.expect,
      ...(how.expectByDigest === undefined ? {} : { expectByDigest: how.expectByDigest }),
      ...(how.claims === undefined ? {} : { claims: how.claims }),
      ...(how.control === undefined ? {} : { control: how.control }),
    },
  });
}

/** The signer whom an honest policy names. */
export function signerOf(evidence: Evidence): VectorSigner {
  return evidence.leaf === undefined ? { key: base64(evidence.key.spki) } : signer;
}

// How a text is written cannot be said by edits of its values: then the file is the forged text itself.
function bundleOf(evidence: Evidence, how: Departure): string {
  const text = JSON.stringify(evidence.json);
  return how.text === undefined ? text : how.text(editText(text, how.edits?.map(asEdit)));
}

// JSON has no undefined: an edit that removes has one part only.
function editsOf(
  name: "edits" | "rootEdits",
  edits: Departure["edits"] = [],
): { readonly edits?: readonly Edit[]; readonly rootEdits?: readonly Edit[] } {
  return edits.length === 0 ? {} : { [name]: edits.map(asEdit) };
}

function asEdit([path, value]: readonly [string, Loose | undefined]): Edit {
  return value === undefined ? [path] : [path, value];
}

function rootOf({ a }: Stage, changes: TrustedRootParts = {}): LooseObject {
  // Version 0.1 says no operators: what is counted then are keys and addresses.
  return buildTrustedRoot({ ...a.parts, version: "0.1", ...changes }) as LooseObject;
}

function rootEditsOf(stage: Stage, how: Departure): NonNullable<Departure["edits"]> {
  const base = rootOf(stage);
  const changed = Object.entries(rootOf(stage, how.root)).filter(
    ([name, value]) => JSON.stringify(value) !== JSON.stringify(base[name]),
  );
  return [...changed, ...(how.rootEdits ?? [])];
}
