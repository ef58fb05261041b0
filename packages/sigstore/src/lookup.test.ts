import { base64, hex, utf8, type Json } from "@countersign/core";
import { bundleOf, makeEvidence, makeInstance, trustRootOf, type Plan } from "@countersign/testkit";
import { leafHash } from "@countersign/tlog";
import { describe, expect, test } from "vitest";
import type { Bundle, LogEntry } from "./bundle.ts";
import type { Http, HttpRequest } from "./http.ts";
import { completeBundle } from "./services/rekor-lookup.ts";
import { upgradeBundle } from "./upgrade.ts";
import { verifyBundle } from "./verify.ts";

const instance = makeInstance();
const trust = trustRootOf(instance);
const nowMs = instance.now.getTime();
const url = "https://rekor.example";
const plan: Plan = { version: "0.2", entry: "hashedrekord 0.0.1" };
const made = makeEvidence(instance, plan);
const whole = bundleOf(made.json);
const [entry] = whole.entries as readonly [LogEntry];
const uuid = hex(leafHash(entry.body));

/** As version 0.1 has it: the promise alone, or nothing of a log. */
function without(what: "proofs" | "entries", bundle: Bundle = whole): Bundle {
  const { proof: _, ...rest } = bundle.entries[0] as LogEntry;
  return { ...bundle, version: "0.1", entries: what === "proofs" ? [rest] : [] };
}

/** Rekor 1's own shape. */
function answerOf({ body, integratedTime, logId, logIndex, promise, proof }: LogEntry): Json {
  return {
    [uuid]: {
      body: base64(body),
      integratedTime: Number(integratedTime),
      logID: hex(logId),
      logIndex: Number(logIndex),
      verification: {
        signedEntryTimestamp: base64(promise ?? new Uint8Array()),
        inclusionProof: {
          checkpoint: proof?.checkpoint ?? "",
          hashes: (proof?.hashes ?? []).map(hex),
          logIndex: Number(proof?.logIndex),
          rootHash: hex(proof?.rootHash ?? new Uint8Array()),
          treeSize: Number(proof?.treeSize),
        },
      },
    },
  };
}

function logOf(answer: Json, status = 200): { readonly http: Http; readonly asked: HttpRequest[] } {
  const asked: HttpRequest[] = [];
  const http: Http = (request) => {
    asked.push(request);
    return Promise.resolve({ status, headers: {}, body: utf8(JSON.stringify(answer)) });
  };
  return { http, asked };
}

const complete = (http: Http, bundle: Bundle, spki?: Uint8Array): Promise<Bundle> =>
  completeBundle({ http, sleep: () => Promise.resolve() }, { url, spki }, bundle);

describe("completeBundle", () => {
  test("the proof of an entry is found by the hash of its body; the promise that was there is kept", async () => {
    const { http, asked } = logOf(answerOf({ ...entry, promise: utf8("another") }));
    const { bundle } = upgradeBundle(await complete(http, without("proofs")));
    expect(asked.map((request) => `${request.method} ${request.url}`)).toEqual([
      `GET ${url}/api/v1/log/entries/${uuid}`,
    ]);
    expect(bundle.entries).toEqual([entry]);
    expect(verifyBundle(bundle, made.artifact, trust, { nowMs }).logs).toMatchObject([{ proof: "inclusion+promise" }]);
  });

  test("where there is none, the entry of the signature is asked for", async () => {
    const { http, asked } = logOf([answerOf(entry)]);
    const bundle = await complete(http, without("entries"));
    expect(bundle.entries).toEqual([entry]);
    expect(asked.map((request) => `${request.method} ${request.url}`)).toEqual([
      `POST ${url}/api/v1/log/entries/retrieve`,
    ]);
    const sent = JSON.parse(new TextDecoder().decode(asked[0]?.body as Uint8Array)) as { readonly entries: Json };
    expect(sent.entries).toEqual([JSON.parse(new TextDecoder().decode(entry.body))]);
  });

  test("a whole bundle asks nobody", async () => {
    const { http, asked } = logOf(null);
    expect(await complete(http, whole)).toEqual(whole);
    expect(asked).toEqual([]);
  });

  const other = bundleOf(makeEvidence(instance, { ...plan, artifact: utf8("another") }).json).entries[0] as LogEntry;
  const twice = { ...(answerOf(entry) as object), other: {} } as Json;
  test.each<[string, Bundle, Json, number, string]>([
    ["no such entry", without("proofs"), {}, 404, "SIGSTORE_ENTRY_NOT_FOUND"],
    ["no such signature", without("entries"), [], 200, "SIGSTORE_ENTRY_NOT_FOUND"],
    ["no such signature, 404", without("entries"), {}, 404, "SIGSTORE_ENTRY_NOT_FOUND"],
    ["another entry", without("proofs"), answerOf(other), 200, "SIGSTORE_REKOR_RESPONSE"],
    ["the entry of another signature", without("entries"), [answerOf(other)], 200, "SIGSTORE_REKOR_RESPONSE"],
    ["two in one", without("proofs"), twice, 200, "SIGSTORE_REKOR_RESPONSE"],
    ["no list", without("entries"), "x", 200, "SIGSTORE_ENTRY_NOT_FOUND"],
    ["no entry", without("entries"), [7], 200, "SIGSTORE_REKOR_RESPONSE"],
    ["no proof", without("proofs"), { [uuid]: { body: "AAAA", verification: {} } }, 200, "SIGSTORE_REKOR_RESPONSE"],
  ])("%s", async (_, bundle, answer, status, code) => {
    await expect(complete(logOf(answer, status).http, bundle)).rejects.toMatchObject({ code });
  });

  test("an envelope, or a key that nobody named, cannot be asked for", async () => {
    const envelope = bundleOf(
      makeEvidence(instance, { version: "0.2", entry: "dsse 0.0.1", content: "envelope" }).json,
    );
    const { http, asked } = logOf([]);
    const code = "SIGSTORE_ENTRY_NOT_FOUND";
    await expect(complete(http, without("entries", envelope))).rejects.toMatchObject({ code });
    const keyed: Bundle = { ...without("entries"), material: { kind: "key", hint: "" } };
    await expect(complete(http, keyed)).rejects.toMatchObject({ code });
    expect(asked).toEqual([]);
  });
});
