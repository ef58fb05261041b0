import type { Flag } from "./flag.ts";

/** The forms of a report on several artifacts. */
export type ReportFormat = "text" | "json" | "jsonl" | "junit" | "sarif" | "markdown" | "gitlab";

/** What `verify` takes for several bundles, several artifacts, and reports of another form. */
export interface ManyOptions {
  readonly bundles?: readonly string[];
  /** A file of paths and digests, or `-`. */
  readonly list?: string;
  /** A file of digests with names, or `-`. */
  readonly digests?: string;
  /** A signed checksum file. */
  readonly checksums?: string;
  readonly ignoreMissing?: true;
  /** How many threads verify a list. */
  readonly jobs?: number;
  readonly format?: ReportFormat;
}

export const manyFlags: readonly Flag[] = [
  {
    flags: "--bundles <file...>",
    says: "several bundles, which count together; a .jsonl file holds one a line",
    group: "Trust:",
    takes: "many",
    conflicts: ["bundle"],
  },
  {
    flags: "--list <file>",
    says: "verify what this file names, a path or digest a line (or NUL between them); - is standard input",
    group: "Artifacts:",
  },
  {
    flags: "--digests <file>",
    says: "verify the digests in this file of SHA256SUMS' form by --bundles, without reading the files",
    group: "Artifacts:",
    conflicts: ["list"],
  },
  {
    flags: "--checksums <file>",
    says: "verify this checksum file by its bundle, then files, or all of a directory, by the digests in it",
    group: "Artifacts:",
    conflicts: ["list", "digests"],
  },
  { flags: "--ignore-missing", says: "with --checksums: pass over files that are not there", group: "Artifacts:" },
  {
    flags: "--jobs <count>",
    says: "verify a list in so many threads (default: one a core, if it is long)",
    group: "Artifacts:",
    takes: "threads",
    conflicts: ["checksums"],
  },
  {
    flags: "--format <format>",
    says: "the report on standard output: JUnit XML, SARIF 2.1.0, Markdown, GitLab code quality, or JSON",
    group: "Output:",
    choices: ["text", "json", "jsonl", "junit", "sarif", "markdown", "gitlab"],
    conflicts: ["json"],
  },
];
