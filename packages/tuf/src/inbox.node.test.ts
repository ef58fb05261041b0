import { Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import { Inbox } from "./inbox.node.ts";

function sourceOf(): Readable {
  return new Readable({ read: () => {} });
}

async function readAll(inbox: Inbox, roomBytes: number): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for (;;) {
    const room = new Uint8Array(roomBytes);
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    const length = await inbox.readInto(room);
    if (length === 0) return Buffer.concat(pieces);
    pieces.push(room.slice(0, length));
  }
}

/** Its own memory, as a connection gives it. */
function chunkOf(text: string): Buffer {
  const chunk = Buffer.allocUnsafeSlow(text.length);
  chunk.write(text);
  return chunk;
}

describe("an inbox", () => {
  test.each([1, 3, 4, 100])("gives all in order to a reader with room for %i bytes", async (roomBytes) => {
    const source = sourceOf();
    const reading = readAll(new Inbox(source), roomBytes);
    for (const text of ["abc", "", "defgh", "i"]) {
      source.push(chunkOf(text));
      // oxlint-disable-next-line no-await-in-loop -- some time between them
      await new Promise(setImmediate);
    }
    source.push(null);
    expect((await reading).toString()).toBe("abcdefghi");
  });

  test("slows the sender down while nobody reads", async () => {
    const source = sourceOf();
    const inbox = new Inbox(source);
    const first = inbox.readInto(new Uint8Array(1));
    source.push(chunkOf("x".repeat(2_000_000)));
    expect(await first).toBe(1);
    expect(source.isPaused()).toBe(true);
    source.push(null);
    expect(await readAll(inbox, 500_000)).toHaveLength(1_999_999);
  });

  test.each(["error", "close"] as const)("hands out what came before an %s, and then says so", async (kind) => {
    const source = sourceOf();
    const inbox = new Inbox(source);
    const first = inbox.readInto(new Uint8Array(2));
    source.push(chunkOf("abc"));
    expect(await first).toBe(2);
    source.destroy(kind === "error" ? new Error("cut") : undefined);
    await new Promise(setImmediate);
    expect(await inbox.readInto(new Uint8Array(2))).toBe(1);
    await expect(inbox.readInto(new Uint8Array(2))).rejects.toThrow(kind === "error" ? "cut" : "closed before its end");
  });

  test("keeps nothing of memory that was lent, and does not give it away", async () => {
    const source = sourceOf();
    const inbox = new Inbox(source);
    const lent = chunkOf("abcd");
    const room = new Uint8Array(3);
    const first = inbox.readInto(room);
    await new Promise(setImmediate);
    expect(inbox.isReady).toBe(true);
    inbox.lend(lent, () => source.push(lent));
    lent.fill("z");
    expect(Buffer.from(room.subarray(0, await first)).toString()).toBe("abc");
    expect(lent).toHaveLength(4);
    source.push(null);
    expect((await readAll(inbox, 3)).toString()).toBe("d");
  });

  test("ends a stream that kept what was lent", async () => {
    const source = sourceOf();
    const inbox = new Inbox(source);
    const first = inbox.readInto(new Uint8Array(3));
    await new Promise(setImmediate);
    source.pause();
    expect(inbox.isReady).toBe(false);
    const lent = chunkOf("abcd");
    inbox.lend(lent, () => source.push(lent));
    await expect(first).rejects.toThrow("only lent");
  });

  test("takes from the connection what is left of a body, once nothing is under way in the stream", async () => {
    const source = sourceOf();
    const calls: string[] = [];
    const connection = { resume: () => void calls.push("resume") };
    const inbox = new Inbox(source, 20);
    const reading = inbox.readInto(new Uint8Array(4));
    const lent = chunkOf("cdef");
    source.push(chunkOf("ab"));
    // They are on their way.
    expect(inbox.receiveDirectly(lent, connection)).toBeUndefined();
    await new Promise(setImmediate);
    expect(await reading).toBe(2);
    // Nobody waits.
    expect(inbox.receiveDirectly(lent, connection)).toBeUndefined();
    const second = inbox.readInto(new Uint8Array(7));
    expect(inbox.receiveDirectly(lent, connection)).toBe(false);
    lent.fill("z");
    expect(await second).toBe(4);
    expect(calls).toEqual([]);
    const third = inbox.readInto(new Uint8Array(8));
    expect(calls).toEqual(["resume"]);
    expect(inbox.receiveDirectly(chunkOf("ghij"), connection)).toBe(true);
    expect(inbox.receiveDirectly(chunkOf("klmn"), connection)).toBe(false);
    expect(inbox.receiveDirectly(chunkOf("opqr"), connection)).toBe(false);
    expect(await third).toBe(8);
    // More than is left.
    expect(inbox.receiveDirectly(chunkOf("stuv"), connection)).toBe(false);
    expect(source.destroyed).toBe(true);
    expect((await readAll(inbox, 3)).toString()).toBe("opqrst");
    expect(calls).toEqual(["resume"]);
  });

  test("says that the connection was cut while it brought a body", async () => {
    const source = sourceOf();
    const inbox = new Inbox(source, 10);
    const first = inbox.readInto(new Uint8Array(20));
    await new Promise(setImmediate);
    expect(inbox.receiveDirectly(chunkOf("abc"), { resume: () => {} })).toBe(true);
    expect(await first).toBe(3);
    source.destroy();
    await expect(inbox.readInto(new Uint8Array(20))).rejects.toThrow("closed before its end");
  });
});
