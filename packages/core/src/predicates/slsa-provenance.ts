import type { Json, JsonObject } from "../json.ts";
import { digestSet, resource, type DigestSet, type ResourceDescriptor } from "./resource.ts";
import { anyObject, flag, list, mapOf, optional, record, text, timestamp, uri, type Shape } from "./shape.ts";

/** How an artifact was built (SLSA provenance v1): what was asked of which builder, and what came of it. */
export interface SlsaProvenance {
  readonly buildDefinition: BuildDefinition;
  readonly runDetails: RunDetails;
}

export interface BuildDefinition {
  /** Says how the parameters are to be understood. */
  readonly buildType: string;
  /** What somebody outside the build platform chose. */
  readonly externalParameters: JsonObject;
  readonly internalParameters?: JsonObject;
  readonly resolvedDependencies?: readonly ResourceDescriptor[];
}

export interface RunDetails {
  readonly builder: Builder;
  readonly metadata?: BuildMetadata;
  readonly byproducts?: readonly ResourceDescriptor[];
}

export interface Builder {
  readonly id: string;
  readonly version?: Readonly<Record<string, string>>;
  readonly builderDependencies?: readonly ResourceDescriptor[];
}

export interface BuildMetadata {
  readonly invocationId?: string;
  readonly startedOn?: string;
  readonly finishedOn?: string;
}

const definition: Shape<BuildDefinition> = record<BuildDefinition>({
  buildType: uri,
  externalParameters: anyObject,
  internalParameters: optional(anyObject),
  resolvedDependencies: optional(list(resource)),
});

const details: Shape<RunDetails> = record<RunDetails>({
  builder: record<Builder>({
    id: uri,
    version: optional(mapOf(text)),
    builderDependencies: optional(list(resource)),
  }),
  metadata: optional(
    record<BuildMetadata>({
      invocationId: optional(text),
      startedOn: optional(timestamp),
      finishedOn: optional(timestamp),
    }),
  ),
  byproducts: optional(list(resource)),
});

const provenance: Shape<SlsaProvenance> = record<SlsaProvenance>({ buildDefinition: definition, runDetails: details });

/**
 * Reads SLSA provenance v1 (slsa.dev/spec/v1.2/build-provenance). Unknown members are kept. Does not judge builder or
 * parameters, nor whether the signer may speak for that builder. Throws CORE_PREDICATE_MALFORMED.
 */
export function parseSlsaProvenance(predicate: Json): SlsaProvenance {
  return provenance(predicate, "predicate");
}

/** What was built from what, by whom; the inverse of `parseSlsaProvenance`. Throws CORE_PREDICATE_MALFORMED. */
export function makeSlsaProvenance(buildDefinition: BuildDefinition, runDetails: RunDetails): SlsaProvenance {
  return parseSlsaProvenance({ buildDefinition, runDetails } as unknown as Json);
}

/** SLSA provenance v0.2, as older builders and npm before 2023 write it. */
export interface SlsaProvenanceV02 {
  readonly builder: { readonly id: string };
  readonly buildType: string;
  readonly invocation?: {
    readonly configSource?: { readonly uri?: string; readonly digest?: DigestSet; readonly entryPoint?: string };
    readonly parameters?: JsonObject;
    readonly environment?: JsonObject;
  };
  readonly buildConfig?: JsonObject;
  readonly metadata?: {
    readonly buildInvocationId?: string;
    readonly buildStartedOn?: string;
    readonly buildFinishedOn?: string;
    readonly completeness?: JsonObject;
    readonly reproducible?: boolean;
  };
  readonly materials?: readonly { readonly uri?: string; readonly digest?: DigestSet }[];
}

type Invocation = NonNullable<SlsaProvenanceV02["invocation"]>;
type Metadata = NonNullable<SlsaProvenanceV02["metadata"]>;

const provenanceV02: Shape<SlsaProvenanceV02> = record<SlsaProvenanceV02>({
  builder: record({ id: uri }),
  buildType: uri,
  invocation: optional(
    record<Invocation>({
      configSource: optional(
        record<NonNullable<Invocation["configSource"]>>({
          uri: optional(text),
          digest: optional(digestSet),
          entryPoint: optional(text),
        }),
      ),
      parameters: optional(anyObject),
      environment: optional(anyObject),
    }),
  ),
  buildConfig: optional(anyObject),
  metadata: optional(
    record<Metadata>({
      buildInvocationId: optional(text),
      buildStartedOn: optional(timestamp),
      buildFinishedOn: optional(timestamp),
      completeness: optional(anyObject),
      reproducible: optional(flag),
    }),
  ),
  materials: optional(
    list(
      record<NonNullable<SlsaProvenanceV02["materials"]>[number]>({ uri: optional(text), digest: optional(digestSet) }),
    ),
  ),
});

/** Reads SLSA provenance v0.2 (slsa.dev/provenance/v0.2). Unknown members are kept. Throws CORE_PREDICATE_MALFORMED. */
export function parseSlsaProvenanceV02(predicate: Json): SlsaProvenanceV02 {
  return provenanceV02(predicate, "predicate");
}

/** Provenance of version 0.2, for verifiers that know no newer one. Throws CORE_PREDICATE_MALFORMED. */
export function makeSlsaProvenanceV02(parts: SlsaProvenanceV02): SlsaProvenanceV02 {
  return parseSlsaProvenanceV02(parts as unknown as Json);
}
