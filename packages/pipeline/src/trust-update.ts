import { parseSigningConfig, parseTrustRoot } from "@countersign/sigstore";
import {
  createUpdater,
  type Fetcher,
  type RunReport,
  type RunStep,
  type Store,
  type TrustedTarget,
  type Updater,
} from "@countersign/tuf";
import { pipelineError } from "./errors.ts";
import { collectTarget } from "./tuf-target.ts";

/** What is asked for a trust root, and how. */
export interface TrustUpdateOptions {
  /** TUF root metadata that is trusted. */
  readonly root: Uint8Array;
  readonly fetcher: Fetcher;
  readonly store: Store;
  readonly now: () => Date;
  readonly signal?: AbortSignal;
  readonly onStep?: (step: RunStep) => void;
  /** Asked once the targets are found, and before anything of them is fetched; what it rejects with ends the update. */
  readonly confirm?: (updater: Updater, targets: readonly TrustedTarget[]) => Promise<void>;
}

/** What the repository gave, proved to be its own and right in form. */
export interface TrustUpdate {
  readonly trustedRoot: Uint8Array;
  /** Undefined if the instance names no services, as GitHub's. */
  readonly signingConfig?: Uint8Array;
  readonly targets: readonly TrustedTarget[];
  readonly run: RunReport;
}

/** The names of targets in Sigstore's repositories. */
export const trustedRootTarget = "trusted_root.json";
/** As `trustedRootTarget`; the version is that of the format. */
export const signingConfigTarget = "signing_config.v0.2.json";
/** The largest of these files, in bytes. */
export const maxTrustTargetBytes: number = 16 * 1024 * 1024;

/**
 * Gets an instance's trust root and signing config from its TUF repository. Proves that they are the newest of that repository at
 * this time, and that our own readers take them. Does not say that the repository is the one you should trust: `root` does.
 * Rejects with PIPELINE_TRUST_TARGET, what `confirm` rejects with, the errors of the update client and those of `parseTrustRoot` and `parseSigningConfig`.
 */
export async function fetchTrustUpdate(options: TrustUpdateOptions): Promise<TrustUpdate> {
  const { root, fetcher, store, now, signal, onStep, confirm } = options;
  const call = signal === undefined ? {} : { signal };
  const updater = createUpdater({ root, store, fetch: fetcher, now, ...(onStep && { onStep }) });
  const run = await updater.refresh(call);
  const [trusted, config] = await updater.targets([trustedRootTarget, signingConfigTarget], call);
  if (trusted === undefined)
    throw pipelineError("PIPELINE_TRUST_TARGET", { expected: trustedRootTarget, got: "no such target" });
  const targets = config === undefined ? [trusted] : [trusted, config];
  await confirm?.(updater, targets);
  const trustedRoot = await readTarget(fetcher, trusted, call);
  parseTrustRoot(trustedRoot);
  if (config === undefined) return { trustedRoot, targets, run };
  const signingConfig = await readTarget(fetcher, config, call);
  parseSigningConfig(signingConfig);
  return { trustedRoot, signingConfig, targets, run };
}

async function readTarget(
  fetcher: Fetcher,
  target: TrustedTarget,
  call: { readonly signal?: AbortSignal },
): Promise<Uint8Array> {
  if (target.length > maxTrustTargetBytes) {
    throw pipelineError("PIPELINE_TRUST_TARGET", {
      checked: target.name,
      expected: `at most ${maxTrustTargetBytes} bytes`,
      got: String(target.length),
    });
  }
  return await collectTarget(fetcher, target, call);
}
