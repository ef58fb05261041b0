import {
  base64,
  derBitString,
  derInteger,
  derSequence,
  digestOf,
  generateSigner,
  utf8,
  type Artifact,
} from "@countersign/core";
import { describe, expect, test } from "vitest";
import { certificates, sampleEntry } from "../vectors/format-sample.ts";
import type { Bundle } from "./bundle.ts";
import type { HttpRequest, HttpResponse } from "./http.ts";
import { signArtifact, signStatement, type SignAs, type SignIo } from "./sign.ts";
import type { Service } from "./signing-config.ts";

const nowMs = 1_700_000_000_000;
const bytes = utf8("artifact");
const artifact: Artifact = { name: "artifact", digests: [digestOf("sha256", bytes)], bytes };
const service = (url: string, majorApiVersion = 1): Service => ({
  url,
  majorApiVersion,
  operator: "",
  validFor: { startMs: 0 },
});
const fulcio = service("https://fulcio.example");
const tsa = service("https://tsa.example/stamp");
const [rekor1, rekor2] = [service("https://rekor.example"), service("https://rekor2.example", 2)];
const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
const token = `${part({})}.${part({ iss: "https://i.example", sub: "ada", aud: "sigstore", exp: nowMs / 1000 + 9 })}.AAAA`;

interface Made extends SignIo {
  readonly requests: HttpRequest[];
  readonly judged: Bundle[];
}

function io(answer: (request: HttpRequest) => HttpResponse | string = () => ""): Made {
  const requests: HttpRequest[] = [];
  const judged: Bundle[] = [];
  return {
    requests,
    judged,
    http: async (request) => {
      requests.push(request);
      const given = answer(request);
      return typeof given === "string" ? { status: 201, headers: {}, body: utf8(given) } : given;
    },
    sleep: async () => {},
    now: () => new Date(nowMs),
    verify: (bundle) => void judged.push(bundle),
  };
}
const codeOf = async (making: Promise<unknown>): Promise<string> =>
  making.then(
    () => "accepted",
    (error: { code: string }) => error.code,
  );
const keyless = (services: Partial<Extract<SignAs, { kind: "keyless" }>["services"]>): SignAs => ({
  kind: "keyless",
  token,
  services: { fulcio, rekor: [], tsa: [], ...services },
});

describe("before anything is sent", () => {
  test.each([
    ["no Fulcio", { kind: "keyless", token, services: { rekor: [], tsa: [] } }, "SIGSTORE_SERVICE_NONE"],
    ["Rekor v2 without timestamps", keyless({ rekor: [rekor2] }), "SIGSTORE_SERVICE_TSA_NEEDED"],
    [
      "a bad token",
      { kind: "keyless", token: "x", services: { fulcio, rekor: [], tsa: [] } },
      "SIGSTORE_TOKEN_MALFORMED",
    ],
    [
      "pure Ed25519 with a log",
      { kind: "key", signer: generateSigner("ed25519"), services: { rekor: [rekor1] } },
      "SIGSTORE_SIGN_ALGORITHM",
    ],
    [
      "ML-DSA with a log",
      { kind: "key", signer: generateSigner("ml-dsa-44"), services: { rekor: [rekor2] } },
      "SIGSTORE_SIGN_ALGORITHM",
    ],
  ] satisfies [string, SignAs, string][])("%s", async (_, as, code) => {
    const made = io();
    expect(await codeOf(signArtifact(artifact, as, made))).toBe(code);
    expect([made.requests, made.judged]).toEqual([[], []]);
  });

  test("a digest that the algorithm cannot use", async () => {
    const known: Artifact = { name: "known by its digest", digests: artifact.digests };
    for (const algorithm of ["ecdsa-p384-sha384", "ed25519", "ml-dsa-44"] as const) {
      expect(await codeOf(signArtifact(known, { kind: "key", signer: generateSigner(algorithm) }, io()))).toBe(
        "SIGSTORE_DIGEST_MISSING",
      );
    }
  });

  test("a signature over no digest names the artifact by one all the same: sigstore-go reads no bundle without", async () => {
    for (const algorithm of ["ed25519", "ml-dsa-44"] as const) {
      const as: SignAs = { kind: "key", signer: generateSigner(algorithm) };
      const { content } = await signArtifact(artifact, as, io());
      expect(content).toMatchObject({ kind: "message", digest: digestOf("sha256", artifact.bytes as Uint8Array) });
    }
  });

  test("a Statement that is none, and an algorithm that no verifier of envelopes takes", async () => {
    const signer = generateSigner("ecdsa-p256-sha256");
    expect(await codeOf(signStatement(utf8("{}"), { kind: "key", signer }, io()))).toBe("CORE_STATEMENT_MALFORMED");
    const statement = utf8(
      JSON.stringify({
        _type: "https://in-toto.io/Statement/v1",
        subject: [{ digest: { sha256: "00".repeat(32) } }],
        predicateType: "https://p.example",
        predicate: {},
      }),
    );
    const as = (algorithm: "ed25519" | "ed25519ph" | "ml-dsa-44", rekor: Service[]): SignAs => ({
      kind: "key",
      signer: generateSigner(algorithm),
      services: { rekor },
    });
    expect(await codeOf(signStatement(statement, as("ed25519ph", []), io()))).toBe("SIGSTORE_SIGN_ALGORITHM");
    expect(await codeOf(signStatement(statement, as("ed25519", [rekor2]), io()))).toBe("SIGSTORE_SIGN_ALGORITHM");
    expect(await codeOf(signStatement(statement, as("ml-dsa-44", [rekor1]), io()))).toBe("SIGSTORE_SIGN_ALGORITHM");
    expect(await codeOf(signStatement(statement, as("ed25519", []), io()))).toBe("accepted");
  });
});

describe("answers that are not what was asked for", () => {
  const chain = (...pems: unknown[]): string =>
    JSON.stringify({ signedCertificateEmbeddedSct: { chain: { certificates: pems } } });
  const leaf = `-----BEGIN CERTIFICATE-----\n${certificates.leaf.replace(/.{64}/g, "$&\n")}\n-----END CERTIFICATE-----\n`;
  test.each([
    ["another key's certificate", chain(leaf)],
    ["no certificate", chain()],
    ["a certificate that is no text", chain(7)],
    ["two certificates in one", chain(leaf + leaf)],
    ["our own request", chain("-----BEGIN CERTIFICATE REQUEST-----\nMAA=\n-----END CERTIFICATE REQUEST-----\n")],
    ["eleven certificates", chain(...Array.from({ length: 11 }, () => leaf))],
    ["no chain", "{}"],
    ["no JSON", "<html>"],
    ["our token in broken JSON", token],
    ["our token as a member", JSON.stringify({ [token]: 1, signedCertificateEmbeddedSct: token })],
  ])("S21: Fulcio gives %s", async (_, answer) => {
    const error: unknown = await signArtifact(
      artifact,
      keyless({}),
      io(() => answer),
    ).catch((each: unknown) => each);
    expect(error).toMatchObject({ code: "SIGSTORE_FULCIO_RESPONSE" });
    for (let at = 0; at + 8 < token.length; at += 3) expect(String(error)).not.toContain(token.slice(at, at + 8));
  });

  const signer = generateSigner("ecdsa-p256-sha256");
  test.each([
    ["a well-formed entry of another signature", JSON.stringify(sampleEntry())],
    ["no JSON", "<html>"],
    ["nothing", ""],
    ["null", "null"],
    ["a list", "[]"],
    ["two entries", '{"a":{},"b":{}}'],
    [
      "an entry without verification",
      JSON.stringify({ abc: { body: "e30=", integratedTime: 1, logID: "00".repeat(32), logIndex: 1 } }),
    ],
    [
      "a proof that is no hex",
      JSON.stringify({
        abc: {
          body: "e30=",
          integratedTime: 1,
          logID: "00".repeat(32),
          logIndex: 1,
          verification: {
            signedEntryTimestamp: "AAAA",
            inclusionProof: { logIndex: 0, treeSize: 1, rootHash: "xx", hashes: [], checkpoint: "" },
          },
        },
      }),
    ],
    [
      "a proof with numbers for hashes",
      JSON.stringify({
        abc: {
          body: "e30=",
          integratedTime: 1,
          logID: "00".repeat(32),
          logIndex: 1,
          verification: {
            signedEntryTimestamp: "AAAA",
            inclusionProof: { logIndex: 0, treeSize: 1, rootHash: "00".repeat(32), hashes: [1], checkpoint: "" },
          },
        },
      }),
    ],
  ])("S21: Rekor gives %s", async (_, answer) => {
    for (const rekor of [rekor1, rekor2]) {
      const made = io(() => answer);
      expect(await codeOf(signArtifact(artifact, { kind: "key", signer, services: { rekor: [rekor] } }, made))).toBe(
        "SIGSTORE_REKOR_RESPONSE",
      );
      expect(made.judged).toEqual([]);
    }
  });

  test("S21: Rekor v1 says that it has the entry, and does not say where", async () => {
    const made = io(() => ({ status: 409, headers: { location: "/api/v1/log/entries/.." }, body: utf8("") }));
    expect(await codeOf(signArtifact(artifact, { kind: "key", signer, services: { rekor: [rekor1] } }, made))).toBe(
      "SIGSTORE_REKOR_RESPONSE",
    );
    expect(made.requests).toHaveLength(1);
  });

  test.each([
    ["nothing", ""],
    ["no DER", "<html>"],
    ["a rejection", String.fromCharCode(0x30, 5, 0x30, 3, 2, 1, 2)],
  ])("S21: the timestamp authority gives %s", async (_, answer) => {
    expect(
      await codeOf(
        signArtifact(
          artifact,
          { kind: "key", signer, services: { tsa: [tsa] } },
          io(() => answer),
        ),
      ),
    ).toBe("SIGSTORE_TSA_RESPONSE");
  });
});

describe("a timestamp authority that refuses", () => {
  const refusal = (...reasons: Uint8Array[]): Uint8Array => derSequence(derSequence(derInteger(2), ...reasons));
  const words = derSequence(Uint8Array.of(0x0c, 9, ...utf8("no policy")));
  const policy = derBitString(Uint8Array.of(0, 1));
  test.each([
    ["in words", refusal(words), 'got a refusal: "no policy"'],
    ["by name", refusal(policy), "got a refusal: unacceptedPolicy"],
    ["both", refusal(words, policy), 'got a refusal: "no policy", unacceptedPolicy'],
    ["without a reason", refusal(), "status, expected granted, got 2"],
    ["with something else", refusal(derInteger(7)), "status, expected granted, got 2"],
  ])("%s", async (_, body, said) => {
    const signer = generateSigner("ecdsa-p256-sha256");
    const answer = { status: 200, headers: {}, body };
    const making = signArtifact(
      artifact,
      { kind: "key", signer, services: { tsa: [tsa] } },
      io(() => answer),
    );
    await expect(making).rejects.toMatchObject({
      code: "SIGSTORE_TSA_RESPONSE",
      message: expect.stringContaining(said) as string,
    });
  });
});

describe("what is sent", () => {
  const signer = generateSigner("ecdsa-p256-sha256");
  const sent = async (rekor: Service): Promise<{ url: string; value: unknown; request: HttpRequest }> => {
    const made = io();
    await codeOf(signArtifact(artifact, { kind: "key", signer, services: { rekor: [rekor] } }, made));
    const [request] = made.requests as [HttpRequest];
    return { request, url: request.url, value: JSON.parse(new TextDecoder().decode(request.body)) };
  };

  test("to Rekor v2: the digest, the signature and the key, with time enough for a checkpoint", async () => {
    const { url, value, request } = await sent(rekor2);
    expect(url).toBe("https://rekor2.example/api/v2/log/entries");
    expect(value).toMatchObject({
      hashedRekordRequestV002: {
        signature: {
          verifier: { publicKey: { rawBytes: base64(signer.spki) }, keyDetails: "PKIX_ECDSA_P256_SHA_256" },
        },
      },
    });
    expect(request.timeoutMs).toBeGreaterThanOrEqual(20_000);
  });

  test("to Rekor v1: a hashedrekord 0.0.1", async () => {
    const { url, value } = await sent(rekor1);
    expect(url).toBe("https://rekor.example/api/v1/log/entries");
    expect(value).toMatchObject({
      kind: "hashedrekord",
      apiVersion: "0.0.1",
      spec: { data: { hash: { algorithm: "sha256" } } },
    });
  });

  test("to Fulcio: the token only in the body, and nothing to anyone else before it answers", async () => {
    const made = io(() => ({ status: 401, headers: {}, body: utf8(`bad token ${token}`) }));
    expect(await codeOf(signArtifact(artifact, keyless({ rekor: [rekor1], tsa: [tsa] }), made))).toBe(
      "SIGSTORE_HTTP_REFUSED",
    );
    expect(made.requests.map((each) => each.url)).toEqual(["https://fulcio.example/api/v2/signingCert"]);
    expect(JSON.stringify(made.requests[0]?.headers)).not.toContain(token);
  });
});

describe("who watches the logs", () => {
  const signer = generateSigner("ecdsa-p256-sha256");
  /** What Rekor v2 answers to a request: the entry that was asked for, at place 12 of a log that nobody knows. */
  const entryOf = ({ body }: HttpRequest): string => {
    const { hashedRekordRequestV002: asked } = JSON.parse(new TextDecoder().decode(body)) as {
      readonly hashedRekordRequestV002: { readonly digest: string; readonly signature: unknown };
    };
    const data = { algorithm: "SHA2_256", digest: asked.digest };
    const spec = { hashedRekordV002: { data, signature: asked.signature } };
    const entry = { apiVersion: "0.0.2", kind: "hashedrekord", spec };
    const kindVersion = { kind: "hashedrekord", version: "0.0.2" };
    const { inclusionPromise: _, ...sample } = sampleEntry();
    return JSON.stringify({ ...sample, kindVersion, canonicalizedBody: base64(utf8(JSON.stringify(entry))) });
  };
  const watched = async (asks?: () => never): Promise<{ code: string; seen: unknown[]; requests: number }> => {
    const seen: unknown[] = [];
    const made = io();
    const http: SignIo["http"] = async (request) => {
      made.requests.push(request);
      if (request.url.startsWith("https://refuses")) return { status: 400, headers: {}, body: utf8("no") };
      // Only after the other one has refused.
      await new Promise(setImmediate);
      return { status: 201, headers: {}, body: utf8(entryOf(request)) };
    };
    const watch = {
      asks: asks ?? ((url: string) => void seen.push(url)),
      has: (...place: unknown[]) => void seen.push(place),
    };
    const rekor = [service("https://refuses.example", 2), rekor2];
    const code = await codeOf(
      signArtifact(artifact, { kind: "key", signer, services: { rekor } }, { ...made, http, watch }),
    );
    return { code, seen, requests: made.requests.length };
  };

  test("is told of each that is asked, and of an entry although another log refuses", async () => {
    const { code, seen } = await watched();
    expect(code).toBe("SIGSTORE_HTTP_REFUSED");
    expect(seen).toEqual(["https://refuses.example", rekor2.url, [rekor2.url, 12n]]);
  });

  test("may stop before any is asked", async () => {
    const stop = (): never => {
      throw Object.assign(new Error("stop"), { code: "STOPPED" });
    };
    expect(await watched(stop)).toEqual({ code: "STOPPED", seen: [], requests: 0 });
  });
});

describe("the finished bundle", () => {
  const signer = generateSigner("ecdsa-p256-sha256");
  test("is judged before it is handed out", async () => {
    const made = io();
    const bundle = await signArtifact(artifact, { kind: "key", signer }, made);
    expect(made.judged).toEqual([bundle]);
    expect(bundle).toMatchObject({
      version: "0.3",
      material: { kind: "key" },
      content: { digest: artifact.digests[0] },
    });
  });

  test.each([
    [
      "throws",
      (): never => {
        throw new Error("refused");
      },
    ],
    [
      "rejects",
      async (): Promise<never> => {
        throw new Error("refused");
      },
    ],
  ])("is not handed out if the judge %s", async (_, verify) => {
    await expect(signArtifact(artifact, { kind: "key", signer }, { ...io(), verify })).rejects.toThrow("refused");
  });
});
