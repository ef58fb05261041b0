import type { CommandRow } from "./command.ts";
import {
  imageAttestFlags,
  imageSignFlags,
  registryFlags,
  imageVerifyAttestationFlags,
  imageVerifyDockerfileFlags,
  imageVerifyFlags,
  imageVerifyManifestsFlags,
} from "./image-options.ts";

const group = "Container images:";

const who = [
  "",
  "    --certificate-identity https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v1.0",
  "    --certificate-oidc-issuer https://token.actions.githubusercontent.com",
].join(" \\\n");

/** The commands below `image`. */
export const imageRows: readonly CommandRow[] = [
  {
    path: "image verify",
    operands: "<image...>",
    says: "Decide whether images were signed by whom you name; prints each by its digest",
    examples: [
      `countersign image verify ghcr.io/acme/app:1.0${who}`,
      "countersign image verify ghcr.io/acme/app:1.0 --key release.pub --platforms all",
    ],
    flags: imageVerifyFlags,
    group,
    load: async () => (await import("./commands/image/verify.ts")).imageVerifyCommand,
  },
  {
    path: "image verify-attestation",
    operands: "<image...>",
    says: "Decide whether images have an attestation of a type by whom you name; prints each by its digest",
    examples: ["countersign image verify-attestation ghcr.io/acme/app:1.0 --type slsaprovenance1 --key release.pub"],
    flags: imageVerifyAttestationFlags,
    group,
    load: async () => (await import("./commands/image/verify.ts")).imageVerifyAttestationCommand,
  },
  {
    path: "image verify-manifests",
    operands: "<file...>",
    says: "Decide about every image that Kubernetes manifests name (- is standard input), and pin them",
    examples: [
      "countersign image verify-manifests deploy.yaml --key release.pub --pin",
      "kustomize build . | countersign image verify-manifests - --key release.pub --pin | kubectl apply -f -",
    ],
    flags: imageVerifyManifestsFlags,
    group,
    load: async () => (await import("./commands/image/verify-files.ts")).imageVerifyManifestsCommand,
  },
  {
    path: "image verify-dockerfile",
    operands: "<file...>",
    says: "Decide about every image that a Dockerfile builds from",
    examples: ["countersign image verify-dockerfile Dockerfile --key base.pub --build-arg TAG=1.0"],
    flags: imageVerifyDockerfileFlags,
    group,
    load: async () => (await import("./commands/image/verify-files.ts")).imageVerifyDockerfileCommand,
  },
  {
    path: "image sign",
    operands: "<image...>",
    says: "Sign images and store the signatures beside them",
    examples: [
      "countersign image sign ghcr.io/acme/app@sha256:0123…",
      "countersign image sign ghcr.io/acme/app:1.0 --key release.key --recursive",
    ],
    flags: imageSignFlags,
    group,
    load: async () => (await import("./commands/image/sign.ts")).imageSignCommand,
  },
  {
    path: "image attest",
    operands: "<image...>",
    says: "Attest something of images and store the attestations beside them",
    examples: ["countersign image attest ghcr.io/acme/app@sha256:0123… --type spdxjson --predicate sbom.json"],
    flags: imageAttestFlags,
    group,
    load: async () => (await import("./commands/image/sign.ts")).imageAttestCommand,
  },
  {
    path: "image tree",
    operands: "<image>",
    says: "Show what is kept beside an image, without believing any of it",
    examples: ["countersign image tree ghcr.io/acme/app:1.0"],
    flags: registryFlags,
    group,
    load: async () => (await import("./commands/image/tree.ts")).imageTreeCommand,
  },
];
