/** What an error means for whoever asked; it alone decides the exit code. */
export type Kind = "malformed" | "untrusted" | "unavailable" | "usage";

/** One row of a package's error catalogue. */
export interface CatalogueEntry {
  readonly kind: Kind;
  /** What is wrong, lower case, without a full stop. */
  readonly says: string;
  /** One action the reader can take now. */
  readonly fix: string;
}

/** What was looked at and what came out. `quote` values from outside; what slips through unquoted has its invisible characters escaped in the message. */
export interface Detail {
  readonly checked?: string;
  readonly expected?: string;
  readonly got?: string;
}

/** The longest stretch of a hostile string that a message repeats, in UTF-16 units. */
export const maxQuotedChars = 200;

/**
 * The one error class of the workspace. `code` is stable API, `message` is not.
 * Anything else that is thrown is a bug of ours.
 */
export class TrustError<Code extends string = string> extends Error {
  override readonly name = "TrustError";
  readonly code: Code;
  readonly kind: Kind;
  readonly fix: string;
  readonly detail: Detail;

  constructor(code: Code, entry: CatalogueEntry, detail: string | Detail = {}, cause?: unknown) {
    super(messageOf(entry, detail), cause === undefined ? undefined : { cause });
    this.code = code;
    this.kind = entry.kind;
    this.fix = entry.fix;
    this.detail = typeof detail === "string" ? { checked: detail } : detail;
  }
}

/**
 * Turns a package's catalogue into its error constructor: `throw tlogError("TLOG_ROOT_MISMATCH", { expected, got })`.
 * A misspelt code does not compile.
 */
export function catalogue<const Entries extends Readonly<Record<string, CatalogueEntry>>>(
  entries: Entries,
): ErrorMaker<Entries> {
  return (code, detail, cause) => new TrustError(code, entries[code] as CatalogueEntry, detail, cause);
}

/** Makes (does not throw) the error of one code. */
export type ErrorMaker<Entries extends Readonly<Record<string, CatalogueEntry>>> = <
  Code extends keyof Entries & string,
>(
  code: Code,
  detail?: string | Detail,
  cause?: unknown,
) => TrustError<Code>;

/** One line of a report: a failed requirement, something that could not be told, or a warning. */
export interface Finding {
  readonly level: "fail" | "unknown" | "warn";
  readonly code: string;
  readonly message: string;
  readonly fix: string;
}

/** The finding that says what `error` said: `unknown` if something was unavailable, else `fail`. Rethrows what is not a TrustError. */
export function findingOf(error: unknown): Finding {
  if (!(error instanceof TrustError)) throw error;
  const level = error.kind === "unavailable" ? "unknown" : "fail";
  return { level, code: error.code, message: error.message, fix: error.fix };
}

/** What `read` returns, or undefined where it throws a TrustError. Any other error is a bug of ours, and passes. */
export function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof TrustError) return undefined;
    throw error;
  }
}

/** Control, format, bidirectional, ignorable, private, unassigned and lone surrogate characters, and all space but U+0020. */
const printableAscii = /^[ -~]*$/;
const invisible = /\p{C}|(?! )\p{Z}|\p{Default_Ignorable_Code_Point}|\u2800/gu;

/** What CI systems take for a command wherever it stands in a line of a log: `##vso[…]`, `##[…]`, `##teamcity[…]`. */
const logCommand = /##(?=[\w.-]*\[)/g;

/**
 * The text with every command for a CI system spelled so that it is none, in a way that JSON reads as the same text. A build's
 * log is where verdicts are printed, and who signed a thing chose the words that are printed of it.
 */
export function withoutLogCommands(text: string): string {
  return text.includes("##") ? text.replace(logCommand, "#\\u0023") : text;
}

/** Escapes control, bidirectional and other invisible characters and commands for CI systems, and cuts at `maxQuotedChars`: safe to print anywhere. */
export function quote(hostile: string): string {
  const cut = hostile.length > maxQuotedChars ? `${hostile.slice(0, maxQuotedChars)}…` : hostile;
  return escapeInvisible(JSON.stringify(cut));
}

// Astral characters become two escapes, as JSON writes them: a quoted string can be read back with JSON.parse.
function escapeInvisible(raw: string): string {
  const text = withoutLogCommands(raw);
  // Nearly always: the classes of Unicode take long to look up.
  if (printableAscii.test(text)) return text;
  return text.replace(invisible, (char) =>
    Array.from({ length: char.length }, (_, at) => `\\u${char.charCodeAt(at).toString(16).padStart(4, "0")}`).join(""),
  );
}

function messageOf(entry: CatalogueEntry, detail: string | Detail): string {
  if (typeof detail === "string") return detail === "" ? entry.says : `${entry.says}: ${escapeInvisible(detail)}`;
  const parts: string[] = [];
  if (detail.checked !== undefined) parts.push(detail.checked);
  if (detail.expected !== undefined) parts.push(`expected ${detail.expected}`);
  if (detail.got !== undefined) parts.push(`got ${detail.got}`);
  return parts.length === 0 ? entry.says : `${entry.says}: ${escapeInvisible(parts.join(", "))}`;
}

const coreEntries = {
  CORE_JSON_MALFORMED: {
    kind: "malformed",
    says: "not strict JSON",
    fix: "fetch the file again, it is damaged or was edited by hand",
  },
  CORE_JSON_DUPLICATE: {
    kind: "malformed",
    says: "JSON object has the same member twice",
    fix: "ask whoever made the file to make it again",
  },
  CORE_JSON_DEPTH: {
    kind: "malformed",
    says: "JSON is nested too deeply",
    fix: "refuse the file, no honest producer nests this deeply",
  },
  CORE_TOO_LARGE: {
    kind: "malformed",
    says: "input is larger than the limit",
    fix: "check that this is the file you meant",
  },
  CORE_DIGEST_MALFORMED: {
    kind: "malformed",
    says: "not a digest",
    fix: "write it as sha256:<64 lower-case hex digits>",
  },
  CORE_DIGEST_UNUSABLE: {
    kind: "usage",
    says: "the algorithm cannot use this digest",
    fix: "give the file itself instead of its digest",
  },
  CORE_DIGEST_MISSING: {
    kind: "usage",
    says: "no hash function was asked for",
    fix: "name at least one of sha256, sha384, sha512",
  },
  CORE_STREAM_FAILED: {
    kind: "unavailable",
    says: "the content could not be read to its end",
    fix: "check that the file is readable and try again",
  },
  CORE_STREAM_ABORTED: {
    kind: "unavailable",
    says: "reading was stopped",
    fix: "try again, with more time if a limit ended it",
  },
  CORE_STREAM_CHUNK: {
    kind: "usage",
    says: "the stream gave something other than bytes",
    fix: "open the stream without a text encoding",
  },
  CORE_ALGORITHM_UNKNOWN: {
    kind: "untrusted",
    says: "unknown signature algorithm",
    fix: "use ECDSA on P-256, P-384 or P-521, Ed25519, RSA or ML-DSA with SHA-2",
  },
  CORE_ALGORITHM_WEAK: {
    kind: "untrusted",
    says: "signature algorithm is broken",
    fix: "ask for a signature made with SHA-256 or better",
  },
  CORE_ALGORITHM_PARAMETERS: {
    kind: "malformed",
    says: "parameters of the signature algorithm are not the standard's",
    fix: "ask whoever issued the certificate to issue it again",
  },
  CORE_ALGORITHM_MISMATCH: {
    kind: "untrusted",
    says: "the key cannot have made a signature of this algorithm",
    fix: "check that this is the right key",
  },
  CORE_KEY_MALFORMED: {
    kind: "malformed",
    says: "not a public key",
    fix: "give a PEM or DER SubjectPublicKeyInfo ('BEGIN PUBLIC KEY')",
  },
  CORE_KEY_UNSUPPORTED: {
    kind: "untrusted",
    says: "unknown type of public key",
    fix: "use an uncompressed key on P-256, P-384 or P-521, an Ed25519, RSA or ML-DSA key",
  },
  CORE_KEY_WEAK: {
    kind: "untrusted",
    says: "public key is not safe to use",
    fix: "use a new key: ECDSA P-256, Ed25519 or RSA of 2048 to 8192 bits",
  },
  CORE_PRIVATE_KEY_MALFORMED: {
    kind: "usage",
    says: "not a private key that can be used",
    fix: "give an unencrypted PEM private key: PKCS#8, SEC1 or PKCS#1",
  },
  CORE_PRIVATE_KEY_ENCRYPTED: {
    kind: "usage",
    says: "the private key is encrypted",
    fix: "decrypt it first, for instance with openssl pkey",
  },
  CORE_SIGNER_UNAVAILABLE: {
    kind: "usage",
    says: "this platform cannot sign with such a key",
    fix: "sign with Node 24 or newer",
  },
  CORE_TEXT_MALFORMED: {
    kind: "malformed",
    says: "bytes or text are not in the stated encoding",
    fix: "fetch the file again, it is damaged or was edited by hand",
  },
  CORE_DER_MALFORMED: {
    kind: "malformed",
    says: "not strict DER",
    fix: "fetch the file again, it is damaged or was made by a faulty tool",
  },
  CORE_OID_MALFORMED: {
    kind: "usage",
    says: "not an object identifier",
    fix: "write it in dotted decimals, such as 1.3.6.1.4.1.57264.1.8",
  },
  CORE_CERTIFICATE_MALFORMED: {
    kind: "malformed",
    says: "not an X.509 certificate",
    fix: "ask whoever gave you the certificate for a valid one",
  },
  CORE_PEM_MALFORMED: {
    kind: "malformed",
    says: "not PEM",
    fix: "give a file that starts with -----BEGIN and has nothing else around the blocks",
  },
  CORE_ENVELOPE_MALFORMED: {
    kind: "malformed",
    says: "not a DSSE envelope",
    fix: "fetch the file again; if it repeats, ask whoever made it",
  },
  CORE_STATEMENT_MALFORMED: {
    kind: "malformed",
    says: "not an in-toto Statement",
    fix: "ask whoever made the attestation to make it again",
  },
  CORE_PREDICATE_MALFORMED: {
    kind: "malformed",
    says: "the predicate is not what its type asks for",
    fix: "make it again with a tool that knows this type, or name the type that it has",
  },
  CORE_PREDICATE_TYPE_UNKNOWN: {
    kind: "usage",
    says: "no predicate type goes by that name",
    fix: "give an alias such as slsaprovenance1, spdxjson or vuln, or the whole URI of the type",
  },
  CORE_JSON_NOT_CANONICAL: {
    kind: "malformed",
    says: "the value has no canonical JSON form",
    fix: "write large or fractional numbers as strings, and only whole Unicode characters",
  },
  CORE_NOT_VERIFIED: {
    kind: "usage",
    says: "claims were not made by a verifier",
    fix: "pass the very object that verify returned, not a copy or a JSON round trip",
  },
} as const;

/** The catalogue of this package, for docs/errors.md. */
export const coreErrors: Readonly<Record<string, CatalogueEntry>> = coreEntries;
/** Makes an error of this package's catalogue. */
export const coreError: ErrorMaker<typeof coreEntries> = catalogue(coreEntries);
