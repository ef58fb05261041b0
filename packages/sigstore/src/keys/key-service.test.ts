import { base64, digestOf, makeVerifier, utf8 } from "@countersign/core";
import { loopbackHttp, type HeldKind, type KeyServiceFault } from "@countersign/testkit";
import { describe, expect, test } from "vitest";
import {
  arn,
  azureVersion,
  codeOf,
  everyHolder,
  gcpKey,
  held,
  ioOf,
  older,
  secret,
  useHolders,
} from "./key-holder.contract.ts";
import { openSigner, openVerifier, type KeyIo } from "./resolver.node.ts";

const holderOf = useHolders();
const message = utf8("release 1.0");

describe.each(everyHolder)("%s", (name) => {
  test("signs a message and its digest with every algorithm, and shows its public half", async () => {
    const holder = holderOf(name);
    const kind = name.split(" ")[1] as HeldKind;
    for (const algorithm of holder.algorithms) {
      const options = { algorithm: () => algorithm };
      const signer = await openSigner(holder.reference, ioOf(holder), options);
      expect(base64(signer.spki)).toBe(held[kind].spki.toString("base64"));
      const verifier = makeVerifier(held[kind].spki, algorithm);
      expect(verifier.verify(message, await signer.sign({ message }))).toBe(true);
      const { hash } = verifier.algorithm;
      if (hash !== undefined)
        expect(verifier.verify(message, await signer.sign({ digest: digestOf(hash, message) }))).toBe(true);
      await expect(
        signer.sign({ digest: digestOf(hash === "sha512" ? "sha256" : "sha512", message) }),
      ).rejects.toMatchObject({ code: "CORE_DIGEST_UNUSABLE" });
      expect((await openVerifier(holder.reference, ioOf(holder), options)).keyid).toBe(signer.keyid);
    }
    expect((await openSigner(holder.reference, ioOf(holder))).algorithm.name).toBe(holder.algorithms[0]);
  });
});

describe.each(["hashivault p256", "awskms p256", "gcpkms p256 1", "azurekms p256", "hashivault rsa", "gcpkms rsa 4"])(
  "%s that misbehaves",
  (name) => {
    test.each([
      ["other-key", "SIGSTORE_KEY_SIGNATURE"],
      ["other-digest", "SIGSTORE_KEY_SIGNATURE"],
      ["rubbish-signature", "SIGSTORE_KEY_SIGNATURE"],
      ["other-name", "SIGSTORE_KEY_SERVICE_RESPONSE"],
      ["no-json", "SIGSTORE_KEY_SERVICE_RESPONSE"],
      ["no-members", "SIGSTORE_KEY_SERVICE_RESPONSE"],
      ["refuse", "SIGSTORE_KEY_SERVICE_REFUSED"],
      ["echo-secrets", "SIGSTORE_KEY_SERVICE_REFUSED"],
      ["busy", "SIGSTORE_HTTP_UNAVAILABLE"],
      ["huge", "PIPELINE_HTTP_TOO_LARGE"],
    ] as const)("%s when it is to sign: %s", async (fault: KeyServiceFault, code) => {
      const holder = holderOf(name);
      const signer = await openSigner(holder.reference, ioOf(holder));
      holder.service.fault = fault;
      expect(await codeOf(() => signer.sign({ message }))).toBe(code);
      holder.service.fault = undefined;
      await signer.sign({ message });
    });

    test.each([
      ["no-json", "SIGSTORE_KEY_SERVICE_RESPONSE"],
      ["no-members", "SIGSTORE_KEY_SERVICE_RESPONSE"],
      ["refuse", "SIGSTORE_KEY_SERVICE_REFUSED"],
      ["echo-secrets", "SIGSTORE_KEY_SERVICE_REFUSED"],
      ["busy", "SIGSTORE_HTTP_UNAVAILABLE"],
    ] as const)("%s when the key is looked up: %s", async (fault: KeyServiceFault, code) => {
      const holder = holderOf(name);
      holder.service.fault = fault;
      for (const open of [openSigner, openVerifier])
        expect(await codeOf(() => open(holder.reference, ioOf(holder)))).toBe(code);
    });

    test("busy for a moment: asked again", async () => {
      const holder = holderOf(name);
      const signer = await openSigner(holder.reference, ioOf(holder));
      holder.service.fault = "busy-once";
      const before = holder.service.requests.length;
      await signer.sign({ message });
      expect(holder.service.requests.length).toBe(before + 2);
    });

    test("an algorithm that it does not sign with", async () => {
      const holder = holderOf(name);
      const options = { algorithm: () => "ed25519ph" as const };
      expect(await codeOf(() => openSigner(holder.reference, ioOf(holder), options))).toBe("SIGSTORE_KEY_ALGORITHM");
    });
  },
);

test("AWS says by a name that it is asked too often: asked again", async () => {
  const { env, reference } = holderOf("awskms p256");
  const often = utf8('{"__type":"com.amazonaws.kms#ThrottlingException","message":"Rate exceeded"}');
  const waits: number[] = [];
  let asked = 0;
  const io = ioOf(
    { env },
    {
      http: async (request) => (asked++ % 2 === 0 ? { status: 400, headers: {}, body: often } : loopbackHttp(request)),
      sleep: (ms) => Promise.resolve(void waits.push(ms)),
    },
  );
  const signer = await openSigner(reference, io);
  expect(makeVerifier(signer.spki).verify(message, await signer.sign({ message }))).toBe(true);
  expect(waits).toEqual([500, 500]);
  const always = ioOf({ env }, { http: () => Promise.resolve({ status: 400, headers: {}, body: often }) });
  expect(await codeOf(() => openSigner(reference, always))).toBe("SIGSTORE_HTTP_UNAVAILABLE");
});

test("a service that hangs is given up on", async () => {
  const holder = holderOf("hashivault p256");
  const signer = await openSigner(holder.reference, ioOf(holder));
  holder.service.fault = "hang";
  const impatient = ioOf(holder, { http: (request) => loopbackHttp({ ...request, timeoutMs: 50 }) });
  expect(await codeOf(() => openSigner(holder.reference, impatient))).toBe("PIPELINE_HTTP_TIMEOUT");
  expect(signer.algorithm.name).toBe("ecdsa-p256-sha256");
});

describe("versions", () => {
  test("Vault: the one that is asked", async () => {
    const holder = holderOf("hashivault p256");
    const signer = await openSigner("hashivault://release?version=1", ioOf(holder));
    expect(base64(signer.spki)).toBe(older.spki.toString("base64"));
    await signer.sign({ message });
    expect(await codeOf(() => openSigner("hashivault://release?version=7", ioOf(holder)))).toBe(
      "SIGSTORE_KEY_SERVICE_RESPONSE",
    );
  });

  test("Google: the newest by number that is enabled", async () => {
    const holder = holderOf("gcpkms p256 1");
    const signer = await openSigner(`gcpkms://${gcpKey}`, ioOf(holder));
    expect(signer.algorithm.name).toBe("rsa-pkcs1-sha512");
    expect(await codeOf(() => openSigner(`gcpkms://${gcpKey}/versions/77`, ioOf(holder)))).toBe(
      "SIGSTORE_KEY_SERVICE_REFUSED",
    );
  });

  test("Azure and AWS: by version, id and alias", async () => {
    const azure = holderOf("azurekms p256");
    await openSigner(`${azure.reference}/${azureVersion}`, ioOf(azure));
    expect(await codeOf(() => openSigner(`${azure.reference}/${"e".repeat(32)}`, ioOf(azure)))).toBe(
      "SIGSTORE_KEY_SERVICE_REFUSED",
    );
    const aws = holderOf("awskms p256");
    const region = { ...aws, env: { ...aws.env, AWS_REGION: "eu-west-1" } };
    for (const key of ["alias/release", arn.slice(arn.lastIndexOf("/") + 1)]) {
      const signer = await openSigner(`awskms:///${key}`, ioOf(region));
      expect(base64(signer.spki)).toBe(held.p256.spki.toString("base64"));
      await signer.sign({ message });
    }
  });
});
describe("addresses", () => {
  test.each([
    "http://vault.example:8200",
    "ftp://127.0.0.1",
    "https://user:pass@vault.example",
    "vault.example",
    "http://127.0.0.1.evil.example",
    "http://localhost.evil.example",
    "https://vault.example/?x=1",
  ])("nothing that can sign is sent to %s", async (address) => {
    const io = ioOf(
      { env: { VAULT_ADDR: address, VAULT_TOKEN: secret.vaultToken } },
      { http: () => Promise.reject(new Error("sent")) },
    );
    expect(await codeOf(() => openSigner("hashivault://release", io))).toBe("SIGSTORE_KEY_ADDRESS");
  });

  test("a transit mount with path parts", async () => {
    const env = { ...holderOf("hashivault p256").env, TRANSIT_SECRET_ENGINE_PATH: "../sys" };
    expect(await codeOf(() => openSigner("hashivault://release", ioOf({ env })))).toBe("SIGSTORE_KEY_ADDRESS");
  });
});
test("AWS answers for another key than the one that was named", async () => {
  const holder = holderOf("awskms p256");
  const io = ioOf({ env: { ...holder.env, AWS_REGION: "eu-west-1" } });
  const deceived = (by: string): KeyIo => ({
    ...io,
    http: async (request) => {
      const response = await io.http(request);
      return { ...response, body: utf8(Buffer.from(response.body).toString("utf8").replaceAll(arn, by)) };
    },
  });
  const id = arn.slice(arn.lastIndexOf("/") + 1);
  for (const asked of [arn, id, "alias/release"]) {
    const open = (by: string): Promise<string> => codeOf(() => openSigner(`awskms:///${asked}`, deceived(by)));
    expect(await open(arn.replace(/.$/, "9"))).toBe(
      asked.startsWith("alias/") ? "nothing" : "SIGSTORE_KEY_SERVICE_RESPONSE",
    );
    expect(await open("no ARN")).toBe("SIGSTORE_KEY_SERVICE_RESPONSE");
  }
});
