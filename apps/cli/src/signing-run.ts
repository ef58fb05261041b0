import type { LogWatch } from "@countersign/sigstore";
import { interruptError } from "./interrupt-errors.ts";
import type { Interruptible } from "./interrupt.ts";
import { isStream, writeAtomic } from "./output.node.ts";
import { formatNote } from "./render-text.ts";
import { doneOf } from "./render-unfinished.ts";
import { beginReplacement, failedOutput, type Replacement } from "./replacement.node.ts";
import { rescueBundle, type Rescued } from "./rescue.node.ts";
import type { Terminal } from "./terminal.ts";
import { Unfinished } from "./unfinished.ts";

/** A log that was asked; with the index of the entry once it gave one. */
export interface AskedLog {
  readonly url: string;
  logIndex?: bigint;
}

/** One bundle that is to be made, and what became of it so far. */
export interface NewBundle {
  /** Absent for an attestation, which may be about several. */
  readonly file?: string;
  /** Where it goes; `-` for standard output. */
  readonly path: string;
  readonly logs: AskedLog[];
  isWritten: boolean;
  error?: unknown;
  /** Of one that is in a log and could not be written. */
  rescued?: Rescued;
}

/** Begins the account of one bundle. */
export function newBundle(path: string, file?: string): NewBundle {
  return { path, ...(file !== undefined && { file }), logs: [], isWritten: false };
}

/** How much of the disk is taken for a bundle before anything is signed, in bytes: of a file's bundle, some eight times its size. */
export const reservedBytes: number = 64 * 1024;

/** What a run is given. */
interface RunOptions {
  readonly bundles: readonly NewBundle[];
  readonly terminal: Terminal;
  readonly isJson: boolean;
}

/**
 * Makes bundles so that none that is in a log is lost: each has its place on the disk before anything is signed, one that cannot be
 * put there all the same is handed out otherwise, a signal waits for what a log is about to answer, and of a run that fails every
 * bundle is accounted for.
 */
export class SigningRun implements Interruptible {
  readonly #options: RunOptions;
  readonly #places = new Set<Replacement>();
  /** Bundles that a log was asked for, and that are not written yet. */
  readonly #inLog = new Set<NewBundle>();
  #end: (() => void) | undefined;

  constructor(options: RunOptions) {
    this.#options = options;
  }

  /** Has one made and writes it. Throws what `sign` throws, and CLI_OUTPUT_FAILED. */
  async make<T extends { readonly bundle: string }>(
    bundle: NewBundle,
    sign: (watch: LogWatch) => Promise<T>,
    bytes: number = reservedBytes,
  ): Promise<T> {
    return this.#account(bundle, async () => {
      const place = this.#reserve(bundle, bytes);
      try {
        const signed = await sign(this.#watch(bundle));
        this.#write(bundle, `${signed.bundle}\n`, place);
        return signed;
      } finally {
        place?.release();
        if (place !== undefined) this.#places.delete(place);
      }
    });
  }

  /** Has one made that is stored elsewhere by `work` itself, which gives `lose` what it could not store. Throws what `work` throws. */
  async store<T>(bundle: NewBundle, work: (watch: LogWatch, lose: (made: string) => void) => Promise<T>): Promise<T> {
    return this.#account(bundle, async () => {
      const stored = await work(this.#watch(bundle), (made) => this.#rescue(bundle, `${made}\n`));
      bundle.isWritten = true;
      return stored;
    });
  }

  async #account<T>(bundle: NewBundle, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      bundle.error = error;
      throw error;
    } finally {
      this.#inLog.delete(bundle);
      if (this.#inLog.size === 0) this.#end?.();
    }
  }

  /** The failure, and what had been done before it. */
  unfinished(failure: unknown): Unfinished {
    return new Unfinished(failure, doneOf(failure, this.#options.bundles, this.#options.terminal));
  }

  /** Ends at once, unless a log was asked: then when it has answered, and its bundle is written. */
  interrupted(signal: string, end: () => void): void {
    const isSecond = this.#end !== undefined;
    this.#end = (): void => {
      this.#end = undefined;
      for (const place of this.#places) place.release();
      end();
    };
    if (isSecond || this.#inLog.size === 0) return this.#end();
    const { terminal } = this.#options;
    const wait = `${signal}: waiting for the log, so that no entry is without its bundle; once more ends at once`;
    terminal.err(formatNote(wait, terminal));
  }

  #reserve({ path }: NewBundle, bytes: number): Replacement | undefined {
    if (path === "-" || isStream(path)) return undefined;
    const place = beginReplacement(path, { reservedBytes: bytes });
    this.#places.add(place);
    return place;
  }

  #watch(bundle: NewBundle): LogWatch {
    return {
      asks: (url) => {
        if (this.#end !== undefined) throw interruptError("CLI_INTERRUPTED");
        this.#inLog.add(bundle);
        bundle.logs.push({ url });
      },
      has: (url, logIndex) => {
        const asked = bundle.logs.find((log) => log.url === url && log.logIndex === undefined);
        if (asked !== undefined) asked.logIndex = logIndex;
      },
    };
  }

  #write(bundle: NewBundle, text: string, place: Replacement | undefined): void {
    const { terminal } = this.#options;
    try {
      if (place !== undefined) place.finish(text);
      else if (bundle.path !== "-") writeAtomic(bundle.path, text);
      else print(text, terminal);
      bundle.isWritten = true;
    } catch (error) {
      this.#rescue(bundle, text);
      throw error;
    }
  }

  #rescue(bundle: NewBundle, text: string): void {
    const { terminal, isJson } = this.#options;
    bundle.rescued = rescueBundle(bundle.path, text, { terminal, isJson });
  }
}

function print(text: string, terminal: Terminal): void {
  try {
    terminal.deliver(text);
  } catch (error) {
    throw failedOutput("standard output", error);
  }
}
