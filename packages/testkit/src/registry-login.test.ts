import { digestOf, utf8 } from "@countersign/core";
import { pushBlob, pushBlobInChunks, type Credential } from "@countersign/oci";
import { describe, expect, test } from "vitest";
import { code, open, serve, stage } from "./registry-stage.contract.ts";

describe("O8: logins and addresses", () => {
  const credential: Credential = { kind: "password", username: "me", password: "s3cret-pass" };
  const basic = `Basic ${Buffer.from("me:s3cret-pass").toString("base64")}`;

  async function tokenServer(
    answer: string,
    status = 200,
  ): Promise<{ url: string; seen: { url: string; authorization: string | undefined; body: string }[] }> {
    const seen: { url: string; authorization: string | undefined; body: string }[] = [];
    const host = await serve((request, response) => {
      let body = "";
      request.on("data", (chunk: Buffer) => (body += chunk.toString()));
      request.on("end", () => {
        seen.push({ url: request.url ?? "", authorization: request.headers.authorization, body });
        response.writeHead(status, { "content-type": "application/json" }).end(answer);
      });
    });
    return { url: `http://${host}/token`, seen };
  }

  test("a token is asked for once, with the scope and the login, and used", async () => {
    const { repository, digest, faults, server } = await stage();
    const tokens = await tokenServer('{"token":"abc.def"}');
    faults.auth = {
      challenge: `Bearer realm="${tokens.url}",service="reg"`,
      accepts: (text) => text === "Bearer abc.def",
    };
    const registry = open(credential);
    await registry.manifest({ ...repository, digest });
    await registry.manifest({ ...repository, digest });
    expect(tokens.seen).toHaveLength(1);
    expect(tokens.seen[0]?.url).toBe("/token?service=reg&scope=repository%3Ateam%2Fapp%3Apull");
    expect(tokens.seen[0]?.authorization).toBe(basic);
    expect(server.requests.filter(({ headers }) => headers["authorization"] === undefined)).toHaveLength(1);
  });

  test("a stranger gets a token without a login; an identity token is changed for one by POST", async () => {
    const { repository, digest, faults } = await stage();
    const tokens = await tokenServer('{"access_token":"abc"}');
    faults.auth = { challenge: `Bearer realm="${tokens.url}"`, accepts: (text) => text === "Bearer abc" };
    await open().manifest({ ...repository, digest });
    await open({ kind: "identity-token", token: "refresh-me" }).manifest({ ...repository, digest });
    expect(tokens.seen[0]?.authorization).toBeUndefined();
    expect(Object.fromEntries(new URLSearchParams(tokens.seen[1]?.body))).toMatchObject({
      grant_type: "refresh_token",
      refresh_token: "refresh-me",
    });
  });

  test("Basic, and a token of the registry's own", async () => {
    const { repository, digest, faults } = await stage();
    faults.auth = { challenge: 'Basic realm="reg"', accepts: (text) => text === basic };
    await expect(open(credential).manifest({ ...repository, digest })).resolves.toMatchObject({ digest });
    await expect(open().manifest({ ...repository, digest })).rejects.toEqual(code("OCI_UNAUTHORIZED"));
    faults.auth = { challenge: 'Bearer realm="http://127.0.0.1:9/"', accepts: (text) => text === "Bearer fixed" };
    await expect(
      open({ kind: "registry-token", token: "fixed" }).manifest({ ...repository, digest }),
    ).resolves.toMatchObject({ digest });
  });

  test.each([
    ["plain http elsewhere", "http://auth.example.com/token"],
    ["a private address", "http://10.0.0.1/token"],
    ["link-local", "http://169.254.169.254/token"],
    ["with a user name", "http://me:pass@127.0.0.1/token"],
  ])("a login service at %s is not asked", async (_, realm) => {
    const { repository, digest, faults } = await stage();
    faults.auth = { challenge: `Bearer realm="${realm}"`, accepts: () => false };
    const outcome = open(credential).manifest({ ...repository, digest });
    await expect(outcome).rejects.toEqual(code("OCI_ADDRESS_REFUSED"));
  });

  test.each([
    ["no token", "{}", "OCI_TOKEN_MALFORMED"],
    ["no JSON", "<html>", "OCI_TOKEN_MALFORMED"],
    ["a token that ends the header", '{"token":"a\\r\\nx: y"}', "OCI_TOKEN_MALFORMED"],
  ])("a login service that answers %s", async (_, answer, name) => {
    const { repository, digest, faults } = await stage();
    const tokens = await tokenServer(answer);
    faults.auth = { challenge: `Bearer realm="${tokens.url}"`, accepts: () => false };
    await expect(open(credential).manifest({ ...repository, digest })).rejects.toEqual(code(name));
  });

  test("what a login service says is not repeated, since it may hold the password", async () => {
    const { repository, digest, faults } = await stage();
    const tokens = await tokenServer("s3cret-pass", 401);
    faults.auth = { challenge: `Bearer realm="${tokens.url}"`, accepts: () => false };
    const error: unknown = await open(credential)
      .manifest({ ...repository, digest })
      .catch((thrown: unknown) => thrown);
    expect(error).toEqual(code("OCI_UNAUTHORIZED"));
    expect(String(error)).not.toContain("s3cret");
  });

  test("a realm that is no address, and a login of another kind", async () => {
    const { repository, digest, faults } = await stage();
    faults.auth = { challenge: 'Bearer realm="nowhere"', accepts: () => false };
    await expect(open().manifest({ ...repository, digest })).rejects.toEqual(code("OCI_ANSWER_MALFORMED"));
    faults.auth = { challenge: "Negotiate", accepts: () => false };
    await expect(open().manifest({ ...repository, digest })).rejects.toEqual(code("OCI_CHALLENGE_UNSUPPORTED"));
  });

  test("a redirect gets no credentials, and none to a place that is refused", async () => {
    const { repository, faults } = await stage();
    const elsewhere = await tokenServer("content");
    const expected = { digest: digestOf("sha256", utf8("content")), size: 7 };
    faults.auth = { challenge: 'Basic realm="reg"', accepts: (text) => text === basic };
    faults.blobRedirect = elsewhere.url;
    expect(await open(credential).blob(repository, expected)).toEqual(Buffer.from("content"));
    expect(elsewhere.seen[0]?.authorization).toBeUndefined();
    faults.blobRedirect = "http://169.254.169.254/DIGEST";
    await expect(open(credential).blob(repository, expected)).rejects.toEqual(code("OCI_ADDRESS_REFUSED"));
    faults.blobRedirect = `http://${repository.registry}/v2/team/app/blobs/DIGEST`;
    await expect(open(credential).blob(repository, expected)).rejects.toEqual(code("OCI_REDIRECTS"));
  });

  test("an upload elsewhere gets no credentials, and none to a place that is refused", async () => {
    const { repository, faults } = await stage();
    const elsewhere = await tokenServer("", 201);
    const content = utf8("upload");
    const expected = { digest: digestOf("sha256", content), size: content.length };
    faults.auth = { challenge: 'Basic realm="reg"', accepts: (text) => text === basic };
    faults.uploadLocation = elsewhere.url;
    await pushBlob(open(credential), repository, expected, content);
    expect(elsewhere.seen).toMatchObject([{ authorization: undefined, body: "upload" }]);
    for (const address of ["http://169.254.169.254/upload", "http://upload.example.com/"]) {
      faults.uploadLocation = address;
      await expect(pushBlob(open(credential), repository, expected, content)).rejects.toEqual(
        code("OCI_ADDRESS_REFUSED"),
      );
    }
    faults.uploadLocation = "http://[";
    await expect(pushBlob(open(credential), repository, expected, content)).rejects.toEqual(
      code("OCI_ANSWER_MALFORMED"),
    );
    faults.uploadLocation = "http://[";
    await expect(pushBlobInChunks(open(credential), repository, expected, (async function* () {})())).rejects.toEqual(
      code("OCI_ANSWER_MALFORMED"),
    );
  });
});
