import type { Policy } from "@countersign/policy";

/** One bundle to verify, as a reader of files would have it. */
export interface Signed {
  readonly artifact: Uint8Array;
  readonly bundle: Uint8Array;
}

/** The same, by who made it: in which generation of Rekor it is logged. */
export interface Sample extends Signed {
  readonly generation: 1 | 2;
}

/** Who signed every sample. */
export const samplePolicy = {
  identity: "https://github.com/octo/release/.github/workflows/release.yml@refs/heads/main",
  issuer: "https://token.actions.githubusercontent.com",
} as const;

/** What a policy says about the samples. */
export const policy: Policy = {
  signers: [
    { kind: "certificate", identity: { exact: samplePolicy.identity }, issuer: { exact: samplePolicy.issuer } },
  ],
};
