import { localSigstoreError } from "./errors.ts";

/** Services that can be told to misbehave; `files` are trusted_root.json and signing_config.json, `tuf` the repository of both. */
export const serviceNames = [
  "oidc",
  "fulcio",
  "ct-log",
  "rekor",
  "rekor-v1",
  "tsa",
  "witness",
  "files",
  "tuf",
] as const;
/** One of the services. */
export type ServiceName = (typeof serviceNames)[number];

/** Faults of the wire, possible in every service. */
export type WireFault =
  | {
      readonly kind: "status";
      readonly status: number;
      readonly body?: string;
      readonly headers?: Readonly<Record<string, string>>;
    }
  | { readonly kind: "slow"; readonly delayMs: number }
  | { readonly kind: "hang" }
  | { readonly kind: "disconnect" }
  /** Announces the whole body, sends half of it and breaks the connection. */
  | { readonly kind: "truncated" }
  /** A proper answer whose body is only the first half. */
  | { readonly kind: "cut-body" }
  /** The true body and then white space up to this many bytes. */
  | { readonly kind: "oversized"; readonly bytes: number }
  /** A web page with status 200. */
  | { readonly kind: "garbage" }
  | { readonly kind: "redirect"; readonly location: string };

/** Faults of what a service says, each possible only in the service that says it. */
export type ContentFaultKind =
  | "wrong-sct"
  | "no-sct"
  | "wrong-key"
  | "wrong-identity"
  | "wrong-issuer"
  | "expired"
  | "wrong-checkpoint"
  | "wrong-checkpoint-name"
  | "wrong-entry"
  | "wrong-proof"
  | "no-proof"
  | "wrong-promise"
  | "wrong-hash"
  | "wrong-signer"
  | "wrong-time"
  | "rejected"
  | "wrong-metadata"
  | "wrong-state"
  | "wrong-nonce"
  | "wrong-audience"
  | "wrong-client"
  | "wrong-response-issuer"
  | "no-response-issuer"
  | "denied"
  | "slow-down"
  | "expired-code";

/** Something that goes wrong, `times` times or until it is cleared. */
export type Fault = (WireFault | { readonly kind: ContentFaultKind }) & { readonly times?: number };

/** The faults of some kinds. */
export type FaultOf<Kind extends Fault["kind"]> = Kind extends WireFault["kind"]
  ? Extract<WireFault, { readonly kind: Kind }>
  : { readonly kind: Kind };

/** What is to go wrong, in order of setting; one live object shared by all services. */
export interface Faults {
  /** Adds a fault. Throws LOCAL_SIGSTORE_FAULT_UNKNOWN for a service or kind that does not exist. */
  readonly set: (service: ServiceName, fault: Fault) => void;
  /** Forgets the faults of one service, or all. */
  readonly clear: (service?: ServiceName) => void;
  readonly list: () => readonly { readonly service: ServiceName; readonly fault: Fault }[];
  /** Uses up one turn of the first fault of a service that has one of these kinds. */
  readonly take: <Kind extends Fault["kind"]>(
    service: ServiceName,
    kinds: readonly Kind[],
  ) => FaultOf<Kind> | undefined;
}

/** Kinds of faults of the wire. */
export const wireFaultKinds: readonly WireFault["kind"][] = [
  "status",
  "slow",
  "hang",
  "disconnect",
  "truncated",
  "cut-body",
  "oversized",
  "garbage",
  "redirect",
];

/** Kinds of faults of what a service says, by service. */
export const contentFaultKinds: Readonly<Record<ServiceName, readonly ContentFaultKind[]>> = {
  oidc: [
    "wrong-signer",
    "expired",
    "wrong-issuer",
    "wrong-audience",
    "wrong-nonce",
    "wrong-metadata",
    "wrong-state",
    "wrong-client",
    "wrong-response-issuer",
    "no-response-issuer",
    "denied",
    "slow-down",
    "expired-code",
  ],
  "ct-log": [],
  fulcio: ["wrong-sct", "no-sct", "wrong-key", "wrong-identity", "wrong-issuer", "expired"],
  rekor: ["wrong-checkpoint", "wrong-checkpoint-name", "wrong-entry", "wrong-proof", "no-proof"],
  "rekor-v1": ["wrong-checkpoint", "wrong-checkpoint-name", "wrong-entry", "wrong-proof", "no-proof", "wrong-promise"],
  tsa: ["wrong-hash", "wrong-signer", "wrong-time", "rejected"],
  witness: ["wrong-signer"],
  files: [],
  tuf: [],
};

/** No faults yet. */
export function makeFaults(): Faults {
  const rows: { service: ServiceName; fault: Fault; left: number }[] = [];
  return {
    set: (service, fault) => {
      checkFault(service, fault);
      rows.push({ service, fault, left: fault.times ?? Number.POSITIVE_INFINITY });
    },
    clear: (service) => {
      const kept = service === undefined ? [] : rows.filter((row) => row.service !== service);
      rows.splice(0, rows.length, ...kept);
    },
    list: () => rows.map(({ service, fault }) => ({ service, fault })),
    take: (service, kinds) => {
      const row = rows.find((one) => one.service === service && (kinds as readonly string[]).includes(one.fault.kind));
      if (row === undefined) return undefined;
      row.left--;
      if (row.left <= 0) rows.splice(rows.indexOf(row), 1);
      return row.fault as FaultOf<(typeof kinds)[number]>;
    },
  };
}

function checkFault(service: ServiceName, fault: Fault): void {
  const own = Object.hasOwn(contentFaultKinds, service) ? contentFaultKinds[service] : undefined;
  if (own === undefined) throw localSigstoreError("LOCAL_SIGSTORE_FAULT_UNKNOWN", { checked: "service" });
  const kinds: readonly string[] = [...wireFaultKinds, ...own];
  if (kinds.includes(fault.kind)) return;
  throw localSigstoreError("LOCAL_SIGSTORE_FAULT_UNKNOWN", { checked: service, expected: kinds.join(", ") });
}
