import { findingOf, quote, TrustError, type Finding, type Requirements, type Verifier } from "@countersign/core";
import { mergeTrustRoots, parseTrustRoots, requirements, type TrustRoot } from "@countersign/sigstore";
import { parseWitnessPolicy, type WitnessPolicy } from "@countersign/tlog";
import { pipelineError } from "./errors.ts";
import { isInstanceName, loadInstance, type InstanceName } from "./roots.ts";

/** Past this age a report warns, in days. */
export const staleTrustDays = 90;

/** A trust root of the caller's, as read from disk; `date` is when it was last known to be current, ISO 8601. */
export interface TrustFile {
  readonly source: string;
  readonly bytes: Uint8Array;
  readonly date?: string;
}

/** Where trust comes from. Without files the instance's embedded root is used; `public-good` if none is named. */
export interface TrustOptions {
  readonly files?: readonly TrustFile[];
  readonly instance?: string;
  readonly keys?: readonly Verifier[];
  /** Refuses a root that is older, in days. */
  readonly maxAgeDays?: number;
  /** Whose cosignatures log entries must carry: a C2SP tlog-policy. */
  readonly witnesses?: string;
  readonly now: Date;
}

/** What a run trusts, and what a report says of it. */
export interface Trust {
  /** All of `roots` together; a certificate is judged by those of its issuer (`groundsOf`). */
  readonly root: TrustRoot;
  /** One for each file, or for each line of one that has several. */
  readonly roots: readonly TrustRoot[];
  readonly keys: readonly Verifier[];
  /** What the root was read from, for whoever reads it otherwise. */
  readonly files: readonly TrustFile[];
  readonly sources: readonly TrustSource[];
  readonly findings: readonly Finding[];
  /** Set by an instance that openly differs from the defaults: for certificates of those of `roots` that name no log. */
  readonly require?: Partial<Requirements>;
  /** Whose cosignatures log entries must carry. */
  readonly witnesses?: WitnessPolicy;
}

/** One trust root in words. */
export interface TrustSource {
  readonly source: string;
  readonly date?: string;
  readonly ageDays?: number;
}

/** Parses the caller's trust roots, or the embedded one. Opens no socket and refreshes nothing. */
export async function loadTrust(options: TrustOptions): Promise<Trust> {
  const name = options.instance ?? "public-good";
  if (!isInstanceName(name))
    throw pipelineError("PIPELINE_INSTANCE_UNKNOWN", {
      expected: "public-good, staging or github",
      got: name.slice(0, 80),
    });
  const files = options.files?.length ? options.files : [await embeddedFile(name)];
  const sources = files.map((file) => sourceOf(file, options.now));
  const ageFindings = sources.flatMap((source) => checkAge(source, options.maxAgeDays));
  const roots = files.flatMap(parseFile);
  const root = mergeTrustRoots(roots);
  return {
    root,
    roots,
    keys: options.keys ?? [],
    files,
    sources,
    findings: [...root.warnings, ...ageFindings],
    ...(name === "github" ? { require: requirements.github } : {}),
    ...(options.witnesses === undefined ? {} : { witnesses: parseWitnessPolicy(options.witnesses) }),
  };
}

/** Of several files the message says which. */
function parseFile({ source, bytes }: TrustFile): readonly TrustRoot[] {
  try {
    return parseTrustRoots(bytes);
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
    const { code, kind, fix, message } = error;
    throw new TrustError(code, { kind, says: `trust root ${quote(source)}`, fix }, message, error);
  }
}

async function embeddedFile(name: InstanceName): Promise<TrustFile> {
  const { trustedRoot, source } = await loadInstance(name);
  return {
    source: `${name}, embedded from ${source.package} ${source.version}`,
    bytes: new TextEncoder().encode(trustedRoot),
    date: source.date,
  };
}

function sourceOf(file: TrustFile, now: Date): TrustSource {
  const dateMs = new Date(file.date ?? "").getTime();
  // A date that is none must not pass for a young root.
  if (file.date === undefined || Number.isNaN(dateMs)) return { source: file.source };
  const ageDays = Math.max(0, Math.floor((now.getTime() - dateMs) / 86_400_000));
  return { source: file.source, date: file.date, ageDays };
}

function checkAge(source: TrustSource, maxAgeDays: number | undefined): readonly Finding[] {
  const { ageDays } = source;
  if (maxAgeDays !== undefined && ageDays === undefined)
    throw pipelineError("PIPELINE_TRUST_AGE_UNKNOWN", { checked: source.source });
  if (maxAgeDays !== undefined && ageDays !== undefined && ageDays > maxAgeDays) {
    throw pipelineError("PIPELINE_TRUST_STALE", {
      checked: source.source,
      expected: `at most ${maxAgeDays} days`,
      got: `${ageDays} days`,
    });
  }
  if (ageDays === undefined || ageDays <= staleTrustDays) return [];
  const stale = pipelineError("PIPELINE_TRUST_OLD", { checked: source.source, got: `${ageDays} days` });
  return [{ ...findingOf(stale), level: "warn" }];
}
