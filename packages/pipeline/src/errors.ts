import { catalogue, type CatalogueEntry, type ErrorMaker } from "@countersign/core";

const pipelineEntries = {
  PIPELINE_NO_EVIDENCE: {
    kind: "untrusted",
    says: "there is no evidence for the artifact",
    fix: "give the bundle with --bundle, or put it beside the artifact as <file>.sigstore.json",
  },
  PIPELINE_TRUST_STALE: {
    kind: "untrusted",
    says: "the trust root is older than you allow",
    fix: "get a newer trust root and give it with --trusted-root, or raise --max-trust-age",
  },
  PIPELINE_TRUST_AGE_UNKNOWN: {
    kind: "untrusted",
    says: "the age of the trust root cannot be told, and you ask for a limit",
    fix: "leave --max-trust-age out, or use a trust root whose date is known",
  },
  PIPELINE_TRUST_OLD: {
    kind: "untrusted",
    says: "the trust root has not been renewed for long",
    fix: "countersign trust update, or give a current trust root with --trusted-root",
  },
  PIPELINE_TRUST_TARGET: {
    kind: "untrusted",
    says: "the TUF repository has no trust root that can be used",
    fix: "check that it is the repository of a Sigstore instance",
  },
  PIPELINE_SECOND_OPINION_DISAGREES: {
    kind: "untrusted",
    says: "another implementation refuses what we would accept",
    fix: "do not use the file, and report both answers: one of the two is wrong",
  },
  PIPELINE_SECOND_OPINION_UNABLE: {
    kind: "unavailable",
    says: "another implementation could not be asked",
    fix: "try again, or leave --second-opinion out",
  },
  PIPELINE_INSTANCE_UNKNOWN: {
    kind: "usage",
    says: "no trust root of that instance is built in",
    fix: "use public-good, staging or github, or give the instance's trust root with --trusted-root",
  },
  PIPELINE_SELF_CHECK: {
    kind: "untrusted",
    says: "the new bundle would not convince a receiver, so it is not given out",
    fix: "check that the services of the signing config belong to the trust root; if so, one of them errs",
  },
  PIPELINE_NOT_A_SUBJECT: {
    kind: "usage",
    says: "the statement does not name the file, so nothing was signed",
    fix: "give the file that the statement is about, or make the statement anew for this file",
  },
  PIPELINE_BUILD_CONTEXT_INCOMPLETE: {
    kind: "usage",
    says: "the CI does not say enough of this build",
    fix: "run it in a job of the CI, and hand its variables through to containers and scripts that call it",
  },
  PIPELINE_PROVENANCE_MISMATCH: {
    kind: "untrusted",
    says: "the certificate says something else of this build than its provenance",
    fix: "make provenance in the very job that the token is for; who verifies should believe the certificate",
  },
  PIPELINE_PAYLOAD_UNPROVED: {
    kind: "usage",
    says: "the claims are not about this payload",
    fix: "pass the claims that were proved about the payload's own bytes",
  },
  PIPELINE_IMAGE_UNSIGNED: {
    kind: "untrusted",
    says: "there is no evidence of the wanted kind beside the image",
    fix: "sign it with countersign image sign, or name the repository that holds its signatures with --evidence-repository",
  },
  PIPELINE_IMAGE_ROLE: {
    kind: "untrusted",
    says: "the evidence is of another kind than was asked for",
    fix: "ask for attestations with image verify-attestation --type, and for signatures with image verify",
  },
  PIPELINE_IMAGE_ANNOTATION: {
    kind: "untrusted",
    says: "the signature does not carry the wanted annotation",
    fix: "sign the image again with -a NAME=VALUE, or do not ask for the annotation",
  },
  PIPELINE_IMAGE_NAME: {
    kind: "untrusted",
    says: "the image was signed under another name",
    fix: "verify it under the name it was signed as (see --mirror), or do not ask for the name",
  },
  PIPELINE_IMAGE_AGE: {
    kind: "untrusted",
    says: "the evidence is older than is asked for",
    fix: "sign the image again, or allow more with --max-age",
  },
  PIPELINE_TAG_MOVED: {
    kind: "untrusted",
    says: "the tag does not name what the map of tags says",
    fix: "deploy the expected digest; who publishes the image either moved the tag without a new map, or did not move it",
  },
  PIPELINE_TAG_UNMAPPED: {
    kind: "untrusted",
    says: "the map of tags does not list it",
    fix: "use a tag that the map lists, or have it published with image map-tags and countersign repo",
  },
  PIPELINE_TAG_MAP_ABSENT: {
    kind: "untrusted",
    says: "the TUF repository has no map of the image's tags",
    fix: "have one published with image map-tags and countersign repo, or do not ask for it with --tag-map",
  },
  PIPELINE_TAG_MAP_NAME: {
    kind: "untrusted",
    says: "the map of tags is about another repository",
    fix: "publish each map under the path that image map-tags gave it",
  },
  PIPELINE_TAG_MAP_MALFORMED: {
    kind: "malformed",
    says: "not a map of tags",
    fix: "make it with image map-tags; docs/formats/tag-map.md says what it holds",
  },
  PIPELINE_SOURCE_MALFORMED: {
    kind: "usage",
    says: "not a place that evidence can be read from",
    fix: "write it as github:OWNER/REPO",
  },
  PIPELINE_GITHUB_REFUSED: {
    kind: "unavailable",
    says: "GitHub did not list the attestations",
    fix: "set GH_TOKEN to a token that may read the repository, or try again later",
  },
  PIPELINE_GITHUB_LIMIT: {
    kind: "unavailable",
    says: "GitHub takes no more requests for now",
    fix: "try again after that time, or set GH_TOKEN: those who log in have a larger limit",
  },
  PIPELINE_GITHUB_MALFORMED: {
    kind: "malformed",
    says: "not what GitHub's API answers",
    fix: "check GITHUB_API_URL, and that nothing between you and GitHub changes its answers",
  },
  PIPELINE_SNAPPY_MALFORMED: {
    kind: "malformed",
    says: "the bundle that GitHub keeps is damaged",
    fix: "try again; if it repeats, attest the image again",
  },
  PIPELINE_LANE_LOST: {
    kind: "unavailable",
    says: "the thread that judged this item ended before it had an answer",
    fix: "ask again for this item alone; if it repeats, report the item",
  },
  PIPELINE_FILE_UNREADABLE: {
    kind: "unavailable",
    says: "a file of the list cannot be read",
    fix: "check that it is there, that it is a plain file, and its permissions",
  },
  PIPELINE_CHECKSUMS_MALFORMED: {
    kind: "malformed",
    says: "not a checksum file that can be read in one way only",
    fix: "make it again with sha256sum, shasum --tag or the like; names must be relative and stay below the directory",
  },
  PIPELINE_HTTP_CERTIFICATE: {
    kind: "unavailable",
    says: "a service shows a TLS certificate that is not trusted here",
    fix: "check the address; an authority of your own is named by SSL_CERT_FILE or NODE_EXTRA_CA_CERTS",
  },
  PIPELINE_HTTP_FAILED: {
    kind: "unavailable",
    says: "a service gave no answer that can be read",
    fix: "check the network, the proxy and the service's address, then try again",
  },
  PIPELINE_HTTP_REDIRECT: {
    kind: "unavailable",
    says: "a service redirects, which is not followed",
    fix: "give the service's new address, or sign in to your network",
  },
  PIPELINE_HTTP_TIMEOUT: {
    kind: "unavailable",
    says: "a service did not answer in time",
    fix: "try again later",
  },
  PIPELINE_HTTP_TOO_LARGE: {
    kind: "malformed",
    says: "a service sent more than the limit",
    fix: "check that the address is the service you mean",
  },
} as const;

/** The catalogue of this package, for docs/errors.md. */
export const pipelineErrors: Readonly<Record<string, CatalogueEntry>> = pipelineEntries;
/** Makes an error of this package's catalogue. */
export const pipelineError: ErrorMaker<typeof pipelineEntries> = catalogue(pipelineEntries);
