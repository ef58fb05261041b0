import { X509Certificate } from "node:crypto";
import { createSecureContext, type SecureContextOptions } from "node:tls";
import { makeHttp } from "@countersign/pipeline";
import type { Http } from "@countersign/sigstore";
import { fetchByNode } from "./fetch.node.ts";

/** What a TLS connection shows and trusts, each PEM. */
export interface TlsMaterial {
  readonly cert?: Uint8Array;
  readonly key?: Uint8Array;
  /** Who may have issued the server's certificate; the system's authorities otherwise. */
  readonly ca?: Uint8Array;
  readonly serverName?: string;
}

/** Whether OpenSSL takes them: certificates, and the private key of the first, not encrypted. Tells nothing of the key. */
export function isTlsMaterial(material: TlsMaterial): boolean {
  const { cert, ca } = material;
  try {
    // A file without any certificate is taken for an empty list otherwise.
    for (const certificates of [cert, ca]) if (certificates !== undefined) new X509Certificate(certificates);
    createSecureContext(optionsOf(material));
    return true;
  } catch {
    return false;
  }
}

/** Calls over TLS with this material: the platform's own fetch can show no certificate. Redirects are not followed. */
export function makeTlsHttp(material: TlsMaterial): Http {
  const { serverName } = material;
  const options = { ...optionsOf(material), ...(serverName !== undefined && { servername: serverName }) };
  return makeHttp((url, init) => fetchByNode(url, init, options));
}

function optionsOf({ cert, key, ca }: TlsMaterial): SecureContextOptions {
  const given = Object.entries({ cert, key, ca }).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given.map(([name, value]) => [name, Buffer.from(value as Uint8Array)]));
}
