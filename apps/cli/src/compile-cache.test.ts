import { chmodSync, existsSync, mkdirSync, statSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openCacheFolder } from "./compile-cache.ts";
import { makeFolder } from "./scenario.ts";

const uid = process.getuid?.();

describe.skipIf(uid === undefined)("openCacheFolder", () => {
  let folder: ReturnType<typeof makeFolder>;
  let home: string;
  beforeEach(() => {
    folder = makeFolder();
    home = join(folder.path, "home");
    mkdirSync(join(home, ".cache"), { recursive: true, mode: 0o755 });
  });
  afterEach(() => folder.remove());

  test("makes one for this user alone, and finds it again", () => {
    const made = openCacheFolder({ HOME: home }, uid);
    expect(made).toBe(join(home, ".cache/countersign"));
    expect(statSync(made ?? "").mode & 0o777).toBe(0o700);
    expect(openCacheFolder({ HOME: home }, uid)).toBe(made);
    expect(openCacheFolder({ XDG_CACHE_HOME: join(home, ".cache"), HOME: "/nowhere" }, uid)).toBe(made);
  });

  test.each([
    { name: "no home", env: {} },
    { name: "a relative home", env: { HOME: "." } },
    { name: "a home that is not there", env: { HOME: "/no/such/home" } },
  ])("$name: none", ({ env }) => {
    expect(openCacheFolder(env, uid)).toBeUndefined();
  });

  test("a home without a cache folder stays as it is", () => {
    expect(openCacheFolder({ HOME: folder.path }, uid)).toBeUndefined();
    expect(existsSync(join(folder.path, ".cache"))).toBe(false);
  });

  test("somebody else's home is left alone", () => {
    expect(openCacheFolder({ HOME: home }, (uid ?? 0) + 1)).toBeUndefined();
    expect(existsSync(join(home, ".cache/countersign"))).toBe(false);
  });

  test.each([".", ".cache"])("%s that others can write: none", (place) => {
    chmodSync(join(home, place), 0o777);
    expect(openCacheFolder({ HOME: home }, uid)).toBeUndefined();
  });

  test("one that others can read, or that is a link: none", () => {
    const made = join(home, ".cache/countersign");
    mkdirSync(made);
    // Whatever the umask.
    chmodSync(made, 0o755);
    expect(openCacheFolder({ HOME: home }, uid)).toBeUndefined();
    const other = join(folder.path, "other/.cache");
    mkdirSync(other, { recursive: true });
    symlinkSync(made, join(other, "countersign"));
    expect(openCacheFolder({ HOME: join(folder.path, "other") }, uid)).toBeUndefined();
  });
});
