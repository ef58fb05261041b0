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
});
