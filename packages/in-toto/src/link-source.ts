/** Where the evidence of steps comes from. Reading is all it does: nothing that it gives is believed. */
export interface LinkSource {
  /** The file `<step>.<first 8 of the key id>.link`, or undefined if there is none. */
  open(stepName: string, keyid8: string): Uint8Array | undefined;
  /** The 8 characters of every file of the step: only asked where certificates authorise, whose key ids a layout cannot know. */
  list?(stepName: string): readonly string[];
  /**
   * The files `<step>.<label>.json` and `<step>.<label>.sigstore.json`, where the label has no dot: only asked for steps that
   * attestations satisfy.
   */
  attestations?(stepName: string): Iterable<AttestationFile>;
  /** Told of each such file that counted. */
  noteRelied?(name: string): void;
  /** The directory of a sublayout's links, `<step>.<first 8 of the key id>`; it need not exist. */
  sub(directory: string): LinkSource;
}

/** A file that may hold an attestation. */
export interface AttestationFile {
  /** Within the source. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** The largest file that is taken for an attestation, in bytes. */
export const maxAttestationBytes: number = 16 * 1024 * 1024;

/** The step whose attestation a file of that name may be; undefined if of none. */
export function stepOfFile(name: string): string | undefined {
  const [, stem = ""] = /^(.+?)(?:\.sigstore)?\.json$/s.exec(name) ?? [];
  return /^(.+)\.[^.]+$/s.exec(stem)?.[1];
}

/** Links held in memory, by path: `build.0a1b2c3d.link`, `build.0a1b2c3d/compile.4e5f6071.link`. */
export function linksInMemory(files: ReadonlyMap<string, Uint8Array>, directory = ""): LinkSource {
  return {
    open: (stepName, keyid8) => files.get(`${directory}${stepName}.${keyid8}.link`),
    list: (stepName) => {
      const start = `${directory}${stepName}.`;
      return [...files.keys()].flatMap((path) => {
        const rest = path.startsWith(start) ? path.slice(start.length) : "";
        return /^.{8}\.link$/.test(rest) ? [rest.slice(0, 8)] : [];
      });
    },
    attestations: (stepName) =>
      [...files].flatMap(([path, bytes]) => {
        const name = path.startsWith(directory) ? path.slice(directory.length) : "";
        return stepOfFile(name) === stepName && bytes.length <= maxAttestationBytes ? [{ name, bytes }] : [];
      }),
    sub: (name) => linksInMemory(files, `${directory}${name}/`),
  };
}
