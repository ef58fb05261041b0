import * as pkijs from "pkijs";
import { pem } from "./certificate.ts";
import { localSigstoreError } from "./errors.ts";
import type { Faults } from "./faults.ts";
import { text } from "./http.ts";
import type { Reply, Request, Route } from "./http.ts";
import { makeKeyPair } from "./keyring.ts";
import { bytesAt, memberAt, parseRequestJson, readOr, textAt } from "./request.ts";
import { hashOids } from "./tsa.ts";
import type { StampOptions, Tsa } from "./tsa.ts";

/** The timestamp authority's HTTP face (timestamp-authority): DER or JSON requests, certificate chain. */
export function tsaRoutes(tsa: Tsa, o: { readonly faults: Faults; readonly now: () => Date }): readonly Route[] {
  const chain = tsa.chain.map((der) => pem("CERTIFICATE", der)).join("");
  return [
    {
      service: "tsa",
      method: "POST",
      path: /\/api\/v1\/timestamp/,
      answer: (request) => stampReply(tsa.stamp(withFault(stampRequest(request), tsa, o))),
    },
    {
      service: "tsa",
      method: "GET",
      path: /\/api\/v1\/timestamp\/certchain/,
      answer: () => text(chain, "application/pem-certificate-chain"),
    },
  ];
}

function stampReply(body: Uint8Array): Reply {
  return { status: 201, type: "application/timestamp-reply", body };
}

function stampRequest(request: Request): StampOptions {
  const type = String(request.headers["content-type"] ?? "");
  return type.startsWith("application/json") ? jsonRequest(parseRequestJson(request.body)) : derRequest(request.body);
}

function jsonRequest(asked: unknown): StampOptions {
  const hash = hashNamed(textAt(asked, "hashAlgorithm"));
  const imprint = bytesAt(asked, "artifactHash");
  checkImprint(hash, imprint);
  return { hash, imprint, embedCertificate: memberAt(asked, "certificates") === true };
}

function derRequest(body: Uint8Array): StampOptions {
  const query = readOr("timestamp query", () => pkijs.TimeStampReq.fromBER(new Uint8Array(body).buffer));
  const oid = query.messageImprint.hashAlgorithm.algorithmId;
  const hash = hashNamed(Object.entries(hashOids).find(([, value]) => value === oid)?.[0] ?? oid);
  const imprint = query.messageImprint.hashedMessage.valueBlock.valueHexView;
  checkImprint(hash, imprint);
  const nonce = query.nonce?.valueBlock.valueHexView;
  return {
    hash,
    imprint,
    embedCertificate: query.certReq === true,
    ...(nonce === undefined ? {} : { nonce }),
    ...(query.reqPolicy === undefined ? {} : { policy: query.reqPolicy }),
  };
}

function hashNamed(name: string): "sha256" | "sha384" | "sha512" {
  const found = (["sha256", "sha384", "sha512"] as const).find((known) => known === name);
  if (found === undefined) throw localSigstoreError("LOCAL_SIGSTORE_REQUEST_MALFORMED", "hash algorithm not supported");
  return found;
}

function checkImprint(hash: "sha256" | "sha384" | "sha512", imprint: Uint8Array): void {
  if (imprint.length * 8 === Number(hash.slice(3))) return;
  throw localSigstoreError("LOCAL_SIGSTORE_REQUEST_MALFORMED", "hash has not the length of its algorithm");
}

function withFault(
  options: StampOptions,
  tsa: Tsa,
  o: { readonly faults: Faults; readonly now: () => Date },
): StampOptions {
  switch (o.faults.take("tsa", ["wrong-hash", "wrong-signer", "wrong-time", "rejected"])?.kind) {
    case undefined:
      return options;
    case "wrong-hash":
      return { ...options, imprint: new Uint8Array(options.imprint?.length ?? 32) };
    case "wrong-signer":
      return { ...options, signer: { key: makeKeyPair("p384"), certificate: tsa.chain[0] ?? new Uint8Array(0) } };
    case "wrong-time":
      return { ...options, time: new Date(o.now().getTime() - 24 * 60 * 60 * 1000) };
    case "rejected":
      return { ...options, status: 2 };
  }
}
