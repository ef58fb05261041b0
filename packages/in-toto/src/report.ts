import type { Digest } from "@countersign/core";
import type { AttributeOutcome } from "./attestation/attribute.ts";
import type { Prover } from "./bundle.ts";
import type { RuleTrace } from "./match.ts";

/** What was seen of one layout: the one that was asked about, or a sublayout. As far as the verification came. */
export interface LayoutReport {
  /** The steps that lead to it; empty for the layout that was asked about. */
  readonly place: readonly string[];
  /** SHA-256 of the signed bytes. */
  readonly digest: Digest;
  readonly form: "metablock" | "dsse";
  /** Key ids whose signature was proved. */
  readonly signers: readonly string[];
  readonly expires?: string;
  readonly steps: readonly StepReport[];
  readonly inspections: readonly ItemReport[];
}

/** What was seen of one step or inspection. */
export interface ItemReport {
  readonly name: string;
  readonly verdict: "passed" | "failed" | "not reached";
  /** The code of what it failed for; the findings say more. */
  readonly code?: string;
  /** Which rule consumed which artifact. */
  readonly materials?: RuleTrace;
  readonly products?: RuleTrace;
  /** Of an inspection: its words. */
  readonly run?: readonly string[];
}

/** What was seen of one step. */
export interface StepReport extends ItemReport {
  readonly threshold: number;
  readonly functionaries: readonly FunctionaryReport[];
  /** Attestations that stand for it, one for each who signed; experimental. */
  readonly statements?: readonly StatementReport[];
  /** What attribute rules came to, for each link; experimental. */
  readonly attributes?: readonly AttributeOutcome[];
  /** Files that counted for nothing. */
  readonly ignored: readonly {
    readonly keyid?: string;
    readonly file?: string;
    readonly code: string;
    readonly message: string;
  }[];
}

/** What was seen of one attestation that a functionary signed for a step. */
export interface StatementReport {
  readonly file: string;
  readonly predicateType: string;
  readonly keyid: string;
  readonly verdict: ItemReport["verdict"];
  readonly code?: string;
  readonly materials?: RuleTrace;
  readonly products?: RuleTrace;
  readonly attributes?: readonly AttributeOutcome[];
}

/** Who signed for a step, and with what. */
export interface FunctionaryReport {
  readonly keyid: string;
  /** SHA-256 of the key that signed, hex. */
  readonly material: string;
  readonly evidence: "link" | "layout" | "statement";
  /** Who signed and which logs saw it, where a Sigstore bundle proved that. */
  readonly proved?: Prover;
  readonly sublayout?: LayoutReport;
}

/** A value under construction. */
export type Draft<T> = { -readonly [Key in keyof T]: T[Key] extends readonly (infer Item)[] ? Item[] : T[Key] };
