import { utf8 } from "@countersign/core";
import { parseSigningConfig, selectServices, type Selector, type Service } from "./signing-config.ts";
import { windowJson } from "./trust-root-make.ts";

/** What a signing config is made of. */
export interface SigningConfigParts {
  readonly fulcio: readonly Service[];
  readonly oidc: readonly Service[];
  readonly rekor: readonly Service[];
  readonly rekorSelector: Selector;
  readonly tsa: readonly Service[];
  readonly tsaSelector: Selector;
  readonly nowMs: number;
}

/**
 * Makes a signing_config.json of version 0.2 (protobuf-specs sigstore_trustroot.proto) with which a signature can be made now.
 * Asks no service whether it is there. Throws what `parseSigningConfig` and `selectServices` throw.
 */
export function makeSigningConfig(parts: SigningConfigParts): Uint8Array {
  const json = {
    mediaType: "application/vnd.dev.sigstore.signingconfig.v0.2+json",
    caUrls: parts.fulcio.map(serviceJson),
    oidcUrls: parts.oidc.map(serviceJson),
    rekorTlogUrls: parts.rekor.map(serviceJson),
    rekorTlogConfig: selectorJson(parts.rekorSelector),
    tsaUrls: parts.tsa.map(serviceJson),
    tsaConfig: selectorJson(parts.tsaSelector),
  };
  const bytes = utf8(`${JSON.stringify(json, null, 2)}\n`);
  selectServices(parseSigningConfig(bytes), parts.nowMs);
  return bytes;
}

function serviceJson({ url, majorApiVersion, validFor, operator }: Service): object {
  return { url, majorApiVersion, validFor: windowJson(validFor), operator };
}

function selectorJson(selector: Selector): object {
  if (selector.kind === "exact") return { selector: "EXACT", count: selector.count };
  return { selector: selector.kind === "any" ? "ANY" : "ALL" };
}
