import type { Digest } from "@countersign/core";
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
  /** Files that counted for nothing. */
  readonly ignored: readonly { readonly keyid: string; readonly code: string; readonly message: string }[];
}

/** Who signed for a step, and with what. */
export interface FunctionaryReport {
  readonly keyid: string;
  /** SHA-256 of the key that signed, hex. */
  readonly material: string;
  readonly evidence: "link" | "layout";
  /** Who signed and which logs saw it, where a Sigstore bundle proved that. */
  readonly proved?: Prover;
  readonly sublayout?: LayoutReport;
}

/** A value under construction. */
export type Draft<T> = { -readonly [Key in keyof T]: T[Key] extends readonly (infer Item)[] ? Item[] : T[Key] };
