import {
  cosignImageAttestationFlags,
  cosignImageAttestFlags,
  cosignImageSignFlags,
  cosignImageVerifyFlags,
  cosignRegistryFlags,
} from "./cosign-options.ts";
import type { Flag } from "./flag.ts";
import {
  identityFlags,
  secondOpinionFlag,
  signFlags,
  trustFlags,
  type AttestOptions,
  type OutputOptions,
  type VerifyOptions,
} from "./options.ts";

/** How registries are reached. */
export interface RegistryOptions {
  readonly plainHttp?: readonly string[];
  readonly registryCa?: readonly string[];
  readonly registryClientCert?: string;
  readonly registryClientKey?: string;
  readonly evidenceRepository?: string;
}

export interface ImageVerifyOptions extends Omit<VerifyOptions, "bundle">, RegistryOptions {
  readonly platforms?: string;
  readonly annotation?: readonly string[];
  readonly tagPrefix?: string;
  readonly mirror?: readonly string[];
  readonly matchName?: true;
  readonly from?: string;
  readonly maxAge?: string;
  readonly tagMap?: string;
  readonly tagMapCopy?: string;
  readonly tagMapAt?: string;
  readonly layout?: string;
  readonly offline?: true;
}

export interface ImageFilesOptions extends Omit<ImageVerifyOptions, "json"> {
  readonly json?: true;
  readonly kindPath?: readonly string[];
  readonly pin?: true;
  readonly buildArg?: readonly string[];
  readonly judgeSyntax?: true;
}

export interface ImageSignOptions extends Omit<AttestOptions, "bundle" | "provenance">, RegistryOptions {
  readonly annotation?: readonly string[];
  readonly recursive?: true;
  readonly legacy?: true;
}

export interface ImageTreeOptions extends RegistryOptions {
  readonly json?: true;
}

export interface ImageMoveOptions extends OutputOptions, RegistryOptions {
  readonly layout?: string;
  readonly name?: string;
  readonly withoutEvidence?: true;
}

export interface ImageMapOptions extends OutputOptions, RegistryOptions {
  readonly output?: string;
  readonly remove?: true;
}

export interface ImageEvidenceOptions extends OutputOptions, RegistryOptions {
  readonly kind?: "signature" | "attestation" | "all";
  readonly manifest?: readonly string[];
  readonly yes?: true;
}

export const registryFlags: readonly Flag[] = [
  {
    flags: "--plain-http <host>",
    says: "speak http with this registry, as with those on this machine; may be given again",
    group: "Registry:",
    takes: "many",
  },
  {
    flags: "--registry-ca <file>",
    says: "trust certificates of registries that this authority signed; registries on this machine then need https; may be given again",
    group: "Registry:",
    takes: "many",
  },
  {
    flags: "--registry-client-cert <file>",
    says: "the certificate, PEM, by which the registry of the image knows you",
    group: "Registry:",
  },
  { flags: "--registry-client-key <file>", says: "the key, PEM, of that certificate", group: "Registry:" },
  {
    flags: "--evidence-repository <name>",
    says: "where signatures and attestations are kept, if not beside the image",
    group: "Registry:",
  },
  ...cosignRegistryFlags,
];

const annotation: Flag = {
  flags: "-a, --annotation <name=value>",
  says: "an annotation that the signature carries",
  group: "Statement:",
  takes: "many",
};

const imageFlags: readonly Flag[] = [
  {
    flags: "--platforms <which>",
    says: "root (default), all, or a list such as linux/amd64,linux/arm64: each signed itself or named by a signed index",
    group: "Trust:",
  },
  { flags: "--tag-prefix <text>", says: "what stands before cosign's older tags", group: "Registry:" },
  {
    flags: "--mirror <from=to>",
    says: "fetch names that begin with FROM from TO instead; the decision is about the name that was asked for",
    group: "Registry:",
    takes: "many",
  },
  {
    flags: "--match-name",
    says: "also ask that the signature names this repository; cosign 3 and GitHub write no name",
    group: "Trust:",
  },
  {
    flags: "--max-age <age>",
    says: "the oldest verified time of what counts may be so long ago: 12h, 30d; what has no verified time does not count",
    group: "Trust:",
  },
  {
    flags: "--tag-map <dir>",
    says: "a tag must have the digest that a TUF repository gives it: the store that update trust set up for that repository",
    group: "Trust:",
  },
  {
    flags: "--tag-map-copy <dir>",
    says: "with --tag-map: read that repository from this folder, and open no socket for it",
    group: "Trust:",
  },
  {
    flags: "--tag-map-at <time>",
    says: "with --tag-map-copy: judge its expiries by this time, YYYY-MM-DDTHH:MM:SSZ, and compare with nothing seen before",
    group: "Trust:",
  },
  {
    flags: "--from <source>",
    says: "github:OWNER/REPO: take the evidence from GitHub's API instead of the registry; GH_TOKEN or GITHUB_TOKEN is sent there",
    group: "Registry:",
  },
  { flags: "--danger-no-log", says: "with --key: accept a signature that no public log has seen", group: "Trust:" },
  secondOpinionFlag,
  {
    flags: "--layout <dir>",
    says: "take image and evidence from this OCI image layout, and open no socket",
    group: "Artifacts:",
  },
  { flags: "--offline", says: "with --layout: say that you rely on no socket being opened", group: "Trust:" },
  ...registryFlags,
];

export const imageVerifyFlags: readonly Flag[] = [
  ...identityFlags,
  ...trustFlags,
  { ...annotation, says: "an annotation that the signature must carry, with this very value", group: "Trust:" },
  ...imageFlags,
  ...cosignImageVerifyFlags,
];

export const imageVerifyManifestsFlags: readonly Flag[] = [
  ...imageVerifyFlags,
  {
    flags: "--kind-path <kind=path>",
    says: "where a kind of your own has a pod spec or an image, such as Rollout=spec.template.spec, or - for nowhere; may be given again",
    group: "Artifacts:",
    takes: "many",
  },
  {
    flags: "--pin",
    says: "if all are allowed, write the digests into the files (of standard input: to standard output)",
    group: "Output:",
  },
];

export const imageVerifyDockerfileFlags: readonly Flag[] = [
  ...imageVerifyFlags,
  {
    flags: "--build-arg <name=value>",
    says: "the value of a variable, as docker build takes it; may be given again",
    group: "Artifacts:",
    takes: "many",
  },
  {
    flags: "--judge-syntax",
    says: "judge the image that # syntax= runs as well (default: warn of it)",
    group: "Trust:",
  },
];

export const imageVerifyAttestationFlags: readonly Flag[] = [
  ...identityFlags,
  ...trustFlags,
  {
    flags: "--type <type>",
    says: "the predicate type: an alias such as slsaprovenance1, or a URI",
    group: "Trust:",
  },
  ...imageFlags,
  ...cosignImageAttestationFlags,
];

const attachFlags: readonly Flag[] = [
  { flags: "-r, --recursive", says: "sign the images of an index too", group: "Signing:" },
  {
    flags: "--legacy",
    says: "write cosign's older layout, for verifiers that know no bundles; needs a log of Rekor 1, or --danger-no-log",
    group: "Output:",
  },
  ...registryFlags,
];

/** Bundles of images go to the registry. */
const signingFlags: readonly Flag[] = signFlags.filter(({ flags }) => !flags.includes("--bundle"));

export const imageSignFlags: readonly Flag[] = [...signingFlags, annotation, ...attachFlags, ...cosignImageSignFlags];

export const imageAttestFlags: readonly Flag[] = [
  {
    flags: "--type <type>",
    says: "the predicate's type: an alias such as slsaprovenance1, spdxjson or vuln, or a URI",
    group: "Statement:",
  },
  { flags: "--predicate <file>", says: "the predicate, as JSON", group: "Statement:" },
  {
    flags: "--statement <file>",
    says: "a whole Statement in place of predicate and type; the image must be among its subjects",
    group: "Statement:",
    conflicts: ["predicate"],
  },
  ...signingFlags,
  ...attachFlags,
  ...cosignImageAttestFlags,
];

const withoutEvidence: Flag = {
  flags: "--without-evidence",
  says: "leave signatures, attestations and other referrers behind",
  group: "Artifacts:",
};
const layout: Flag = { flags: "--layout <dir>", says: "the folder of the OCI image layout", group: "Artifacts:" };

export const imageCopyFlags: readonly Flag[] = [withoutEvidence, ...registryFlags];
export const imageSaveFlags: readonly Flag[] = [layout, withoutEvidence, ...registryFlags];
export const imageLoadFlags: readonly Flag[] = [
  layout,
  {
    flags: "--name <name>",
    says: "the image's name in the layout (default: the tag, or the only one)",
    group: "Artifacts:",
  },
  withoutEvidence,
  ...registryFlags,
];

export const imageMapFlags: readonly Flag[] = [
  {
    flags: "-o, --output <dir>",
    says: "the folder of the maps; those that are there are added to (default: here)",
    group: "Output:",
  },
  { flags: "--remove", says: "take the tags out of the maps instead; no registry is asked", group: "Artifacts:" },
  ...registryFlags,
];

const kind: Flag = {
  flags: "--kind <kind>",
  says: "what is meant (default: all)",
  group: "Artifacts:",
  choices: ["signature", "attestation", "all"],
};

export const imageDownloadFlags: readonly Flag[] = [kind, ...registryFlags];
export const imageCleanFlags: readonly Flag[] = [
  kind,
  { flags: "-y, --yes", says: "remove without asking", group: "Output:" },
  ...registryFlags,
];
export const imageRepairFlags: readonly Flag[] = [
  {
    flags: "--manifest <digest>",
    says: "a manifest that you know of and the tag has lost; may be given again",
    group: "Artifacts:",
    takes: "many",
  },
  ...registryFlags,
];
