import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BaseFetcher, Updater } from "tuf-js";
import { DownloadHTTPError } from "tuf-js/dist/error.js";
import manifest from "tuf-js/package.json" with { type: "json" };

/*
 * A process of its own that lets tuf-js judge a replay: question on standard input, answer on standard output. It never sees a
 * network, and its clock stands at the time by which we judged.
 */

interface Question {
  readonly root: string;
  readonly nowMs: number;
  readonly files: readonly (readonly [name: string, base64: string])[];
  readonly names: readonly string[];
}

const base = "replay://metadata/";

class ReplayFetcher extends BaseFetcher {
  readonly #files: ReadonlyMap<string, string>;
  /** What was asked for and was not there, but for the root after the newest one. */
  readonly absent: string[] = [];

  constructor(files: ReadonlyMap<string, string>) {
    super();
    this.#files = files;
  }

  override async fetch(url: string): ReturnType<BaseFetcher["fetch"]> {
    const name = decodeURIComponent(url.slice(base.length));
    const found = this.#files.get(name);
    if (found === undefined) {
      if (!/^\d+\.root\.json$/.test(name)) this.absent.push(name);
      throw new DownloadHTTPError("not in the replay", 404);
    }
    return new Blob([Buffer.from(found, "base64")]).stream();
  }
}

/** Whoever asks for the time in this process is told this one. */
function stopClock(nowMs: number): void {
  const stopped: ProxyHandler<DateConstructor> = {
    construct: (target, given: unknown[]) => Reflect.construct(target, given.length === 0 ? [nowMs] : given) as object,
  };
  Reflect.set(globalThis, "Date", new Proxy(Reflect.get(globalThis, "Date") as DateConstructor, stopped));
}

async function answer({ root, nowMs, files, names }: Question): Promise<object> {
  const directory = mkdtempSync(join(tmpdir(), "countersign-opinion-"));
  const fetcher = new ReplayFetcher(new Map(files));
  try {
    writeFileSync(join(directory, "root.json"), Buffer.from(root, "base64"));
    stopClock(nowMs);
    // Its limits are below what lengths in signed metadata may say.
    const config = {
      rootMaxLength: 1 << 26,
      timestampMaxLength: 1 << 26,
      snapshotMaxLength: 1 << 26,
      targetsMaxLength: 1 << 26,
    };
    const updater = new Updater({ metadataDir: directory, metadataBaseUrl: base, fetcher, config });
    await updater.refresh();
    const found: unknown[] = [];
    for (const name of names) {
      const info = await updater.getTargetInfo(name);
      found.push([name, info === undefined ? null : { length: info.length, hashes: info.hashes }]);
    }
    return { absent: fetcher.absent, found };
  } catch (error) {
    return { absent: fetcher.absent, error: error instanceof Error ? error.message : String(error) };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const said = await answer(JSON.parse(readFileSync(0, "utf8")) as Question);
process.stdout.write(JSON.stringify({ version: manifest.version, ...said }));
