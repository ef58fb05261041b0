import { expect, test } from "vitest";
import { signAwsRequest } from "./aws-signature.ts";

test("Signature Version 4: AWS's test suite, post-vanilla", () => {
  const signer = {
    accessKeyId: "AKIDEXAMPLE",
    secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    region: "us-east-1",
    service: "service",
  };
  const request = { url: "https://example.amazonaws.com/", headers: {}, body: new Uint8Array(0) };
  expect(signAwsRequest(request, signer, new Date("2015-08-30T12:36:00Z"))["authorization"]).toBe(
    "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, Signature=5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
  );
});
