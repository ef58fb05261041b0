import { catalogue, type CatalogueEntry, type ErrorMaker } from "@countersign/core";

const ociEntries = {
  OCI_REFERENCE_MALFORMED: {
    kind: "usage",
    says: "not an image reference",
    fix: "write it as HOST/NAME:TAG or HOST/NAME@sha256:DIGEST",
  },
  OCI_MANIFEST_MALFORMED: {
    kind: "malformed",
    says: "not an image manifest",
    fix: "push the image again; if it comes back the same, the registry is damaged or lies",
  },
  OCI_MANIFEST_TYPE: {
    kind: "malformed",
    says: "manifest of a type that is not supported",
    fix: "push the image again as an OCI image or index, or as Docker's schema 2",
  },
  OCI_DIGEST_MISMATCH: {
    kind: "untrusted",
    says: "the content is not what its digest names",
    fix: "do not use this image; the registry or something on the way changed it",
  },
  OCI_SIZE_MISMATCH: {
    kind: "untrusted",
    says: "the content is not as long as its descriptor says",
    fix: "do not use this image; the registry cut it, or its manifest lies",
  },
  OCI_SUBJECT_MISMATCH: {
    kind: "untrusted",
    says: "a listed referrer speaks about another image",
    fix: "tell the registry's operator: its list of referrers is wrong",
  },
  OCI_TOO_LARGE: {
    kind: "malformed",
    says: "the registry sent more than the limit",
    fix: "check that this is the image you meant; no honest manifest or signature is this large",
  },
  OCI_TOO_MANY: {
    kind: "malformed",
    says: "the registry lists more than the limit",
    fix: "remove old signatures and attestations of this image, or name the one you need by digest",
  },
  OCI_PAGE_LOOP: {
    kind: "malformed",
    says: "the registry's pages lead in a circle",
    fix: "tell the registry's operator: its Link header repeats",
  },
  OCI_ADDRESS_REFUSED: {
    kind: "untrusted",
    says: "the registry sends its clients to an address that is not safe to ask",
    fix: "check the name of the registry; if it is right, tell its operator",
  },
  OCI_NOT_FOUND: {
    kind: "unavailable",
    says: "the registry does not have it",
    fix: "check the name, tag and digest, and that you may read it: registries say 'not found' to strangers",
  },
  OCI_UNAUTHORIZED: {
    kind: "unavailable",
    says: "the registry wants other credentials",
    fix: "log in with docker login (or the tool of your registry), or check the rights of that account",
  },
  OCI_CHALLENGE_UNSUPPORTED: {
    kind: "unavailable",
    says: "the registry asks for a login of a kind that is not supported",
    fix: "use a registry with Basic or Bearer logins, as Docker's",
  },
  OCI_TOKEN_MALFORMED: {
    kind: "malformed",
    says: "the login service did not answer with a token",
    fix: "try again; if it repeats, tell the registry's operator",
  },
  OCI_REGISTRY_REFUSED: {
    kind: "unavailable",
    says: "the registry refused the request",
    fix: "read what it says, and check that your account may do this",
  },
  OCI_REGISTRY_UNAVAILABLE: {
    kind: "unavailable",
    says: "the registry could not do it now",
    fix: "try again later",
  },
  OCI_ANSWER_MALFORMED: {
    kind: "malformed",
    says: "the registry's answer is not that of a registry",
    fix: "check the host name: this may be a web page or a proxy that wants a login",
  },
  OCI_REGISTRY_UNREACHABLE: {
    kind: "unavailable",
    says: "the registry could not be reached",
    fix: "check the host name, the network and the proxy, and for a private authority give --registry-ca",
  },
  OCI_REGISTRY_SILENT: {
    kind: "unavailable",
    says: "the registry stopped answering",
    fix: "try again later, or allow more time",
  },
  OCI_BODY_CUT: {
    kind: "unavailable",
    says: "the registry's answer ended early",
    fix: "try again; if it repeats, a proxy on the way may cut large answers",
  },
  OCI_CREDENTIALS_MALFORMED: {
    kind: "usage",
    says: "the file of registry logins cannot be read",
    fix: "log in again with docker login, or remove the damaged file",
  },
  OCI_CREDENTIAL_HELPER: {
    kind: "unavailable",
    says: "the credential helper gave no login",
    fix: "run it by hand to see why, or log in without it",
  },
  OCI_REDIRECTS: {
    kind: "unavailable",
    says: "the registry redirects too often",
    fix: "tell the registry's operator",
  },
  OCI_PAYLOAD_MALFORMED: {
    kind: "malformed",
    says: "not a simple-signing payload",
    fix: "sign the image again",
  },
  OCI_PAYLOAD_MISMATCH: {
    kind: "untrusted",
    says: "the signature is not one of this image",
    fix: "do not rely on it; it was made for something else and put beside this image",
  },
  OCI_KUBERNETES_MALFORMED: {
    kind: "malformed",
    says: "not a Kubernetes object",
    fix: "check the file with kubectl apply --dry-run=client",
  },
  OCI_KUBERNETES_PATH: {
    kind: "usage",
    says: "not a path to images of a kind",
    fix: "write it as KIND=spec.template.spec, or KIND=spec.steps[*].image",
  },
  OCI_DOCKERFILE_MALFORMED: {
    kind: "malformed",
    says: "not a Dockerfile that can be read",
    fix: "check the file with docker build --check",
  },
  OCI_DOCKERFILE_VARIABLE: {
    kind: "usage",
    says: "the image depends on a variable without a value",
    fix: "give it with --build-arg NAME=VALUE, or a default with ARG NAME=VALUE before the first FROM",
  },
  OCI_LAYOUT_MALFORMED: {
    kind: "malformed",
    says: "not an OCI image layout",
    fix: "give the folder that countersign image save or skopeo copy oci: made",
  },
  OCI_LAYOUT_DISK: {
    kind: "unavailable",
    says: "the image layout cannot be read or written",
    fix: "check the folder, its rights and the space on the disk",
  },
  OCI_PLATFORM_MALFORMED: {
    kind: "usage",
    says: "not a choice of platforms",
    fix: "write root, all, or a list such as linux/amd64,linux/arm64",
  },
  OCI_PLATFORM_MISSING: {
    kind: "untrusted",
    says: "the image has no such platform",
    fix: "list its platforms with: countersign image tree REF",
  },
  OCI_TAG_CONTESTED: {
    kind: "unavailable",
    says: "others keep overwriting the list of referrers",
    fix: "try again when nobody else signs this image, then run: countersign image repair",
  },
  OCI_TAG_OCCUPIED: {
    kind: "unavailable",
    says: "the tag that should list the referrers holds something else",
    fix: "remove or rename that tag, then try again",
  },
  OCI_UPLOAD_MISMATCH: {
    kind: "unavailable",
    says: "the registry stored something else than was sent",
    fix: "try again; if it repeats, do not rely on this registry",
  },
} as const;

/** The catalogue of this package, for docs/errors.md. */
export const ociErrors: Readonly<Record<string, CatalogueEntry>> = ociEntries;
/** Makes an error of this package's catalogue. */
export const ociError: ErrorMaker<typeof ociEntries> = catalogue(ociEntries);
