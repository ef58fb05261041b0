import { expect, test } from "vitest";
import { askPeer, readVectors } from "./peer.ts";

const controls = readVectors().filter(({ vector }) => vector.control === true);

test("there are controls", () => {
  expect(controls.length).toBeGreaterThan(20);
});

test.each(controls)("$name is a genuine bundle for @sigstore/verify too", ({ vector }) => {
  expect(askPeer(vector)).toEqual({ kind: "accepts", says: "" });
});
