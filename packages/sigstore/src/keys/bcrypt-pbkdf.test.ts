import { hex, utf8 } from "@countersign/core";
import { expect, test } from "vitest";
import { startBlowfish } from "./blowfish.ts";
import { stretchByBcrypt } from "./bcrypt-pbkdf.ts";

test("Blowfish begins with the digits of pi", () => {
  const { subkeys, boxes } = startBlowfish();
  expect(subkeys[0]).toBe(0x243f6a88);
  expect(subkeys[17]).toBe(0x8979fb1b);
  expect(boxes[0]).toBe(0xd1310ba6);
  expect(boxes[1023]).toBe(0x3ac372e6);
});

/** The first is the test value that OpenBSD's own regression tests hold; longer ones are ssh-keygen's keys (made.json). */
test("a derived key", () => {
  const derived = stretchByBcrypt("password", { salt: utf8("salt"), rounds: 4 }, 32);
  expect(hex(derived)).toBe("5bbf0cc293587f1c3635555c27796598d47e579071bf427e9d8fbe842aba34d9");
});

test("no length is the beginning of another, and every byte counts", () => {
  const of = (length: number, password = "x"): string =>
    hex(stretchByBcrypt(password, { salt: utf8("salt"), rounds: 1 }, length));
  expect(of(48).startsWith(of(32))).toBe(false);
  expect(of(48)).toHaveLength(96);
  expect(of(32, "y")).not.toBe(of(32));
});
