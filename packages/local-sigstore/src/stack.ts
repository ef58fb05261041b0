import { makeVerifier } from "@countersign/core";
import type { LogKey } from "@countersign/tlog";
import { authorityLeadMs, makeAuthority } from "./ca.ts";
import type { Authority, AuthorityOptions } from "./ca.ts";
import { ctLogRoutes } from "./ct-log-api.ts";
import { makeCtLog } from "./ct-log.ts";
import type { CtLog } from "./ct-log.ts";
import { makeFaults } from "./faults.ts";
import type { Fault, Faults, ServiceName } from "./faults.ts";
import { fulcioRoutes } from "./fulcio.ts";
import { json, startServer } from "./http.ts";
import type { Reply, Route } from "./http.ts";
import { makeOidc } from "./oidc.ts";
import type { Oidc, TokenRequest } from "./oidc.ts";
import { rekorRoutes } from "./rekor-api.ts";
import { rekorV1Routes } from "./rekor-v1-api.ts";
import { makeV1Log } from "./rekor-v1.ts";
import type { RekorV1Log } from "./rekor-v1.ts";
import { makeLog } from "./rekor.ts";
import type { RekorLog } from "./rekor.ts";
import { memberAt, parseRequestJson } from "./request.ts";
import { openState } from "./state.ts";
import type { State } from "./state.ts";
import { buildSigningConfig, buildTrustedRoot, jsonBytes } from "./trusted-root.ts";
import { tsaRoutes } from "./tsa-api.ts";
import { makeTsa } from "./tsa.ts";
import type { Tsa, TsaOptions } from "./tsa.ts";
import { witnessRoutes } from "./witness-api.ts";
import { makeWitness } from "./witness.ts";
import type { Witness } from "./witness.ts";
import { makeTufRepository, tufRoutes, type TufRepository } from "./tuf.ts";

/** How to start a local Sigstore. */
export interface LocalSigstoreOptions {
  /** Keeps keys, logs and trust files here, so that a restart goes on where this one stopped. */
  readonly dir?: string;
  /** 0 or absent: a free one. */
  readonly port?: number;
  readonly now?: () => Date;
  /** How many witnesses cosign the Rekor v2 log's checkpoints; the second one has an ML-DSA-44 key. Default 1. */
  readonly witnesses?: number;
  /** Name of the Rekor v2 log; must be stable, since bundles carry it. */
  readonly rekorOrigin?: string;
  /** Name of the Rekor v1 log. */
  readonly rekorV1Name?: string;
  readonly trustedRootVersion?: "0.1" | "0.2";
  /** Logs of other servers that the witnesses cosign, too. */
  readonly witnessedLogs?: readonly LogKey[];
}

/** A whole Sigstore: what clients need to know, and the services themselves for making deviations. */
export interface LocalSigstore {
  readonly url: string;
  readonly trustedRoot: Readonly<Record<string, unknown>>;
  readonly signingConfig: Readonly<Record<string, unknown>>;
  readonly trustedRootBytes: Uint8Array<ArrayBuffer>;
  readonly signingConfigBytes: Uint8Array<ArrayBuffer>;
  /** The TUF repository of these two files, served at `url` + `/tuf`. */
  readonly tuf: TufRepository;
  /** An OIDC token for anybody. */
  readonly token: (request: TokenRequest) => Promise<string>;
  readonly faults: Faults;
  readonly ca: Authority;
  readonly ctLog: CtLog;
  readonly rekor: RekorLog;
  readonly rekorV1: RekorV1Log;
  readonly tsa: Tsa;
  readonly oidc: Oidc;
  readonly witnesses: readonly Witness[];
  readonly close: () => Promise<void>;
}

/** Names that the stack's services go by in its trust root. */
export const defaultNames = {
  operator: "local-sigstore",
  rekorOrigin: "log.rekor.local",
  rekorV1Name: "rekor.local",
  fulcio: "http://fulcio.local",
  ctLog: "http://ctfe.local",
  tsa: "http://tsa.local",
} as const;

/**
 * Starts everything on one port of 127.0.0.1. The trust root names the logs by stable names, not by the port, since
 * bundles outlive the process; the signing config has the real URLs.
 * Throws LOCAL_SIGSTORE_PORT_UNUSABLE and LOCAL_SIGSTORE_STATE_BROKEN.
 */
export async function startLocalSigstore(options: LocalSigstoreOptions = {}): Promise<LocalSigstore> {
  const now = options.now ?? ((): Date => new Date(Date.now()));
  const start = new Date(Math.floor((now().getTime() - authorityLeadMs) / 1000) * 1000);
  const state = openState({ dir: options.dir, start });
  const faults = makeFaults();
  const routes: Route[] = [];
  const server = await startServer({ port: options.port ?? 0, faults, routes: () => routes });
  try {
    const services = makeServices({ ...options, now }, state);
    const oidc = makeOidc({ issuer: server.url, now, key: state.keyring.pair("oidc", "p256"), faults });
    const files = makeFiles(services, {
      url: server.url,
      start: state.start,
      version: options.trustedRootVersion ?? "0.1",
    });
    state.publish("trusted_root.json", files.trustedRootBytes);
    state.publish("signing_config.json", files.signingConfigBytes);
    const tuf = await openTuf(files, state, now());
    state.publish("tuf_root.json", tuf.root);
    routes.push(
      ...allRoutes({ ...services, oidc }, { faults, now, state, witnessedLogs: options.witnessedLogs ?? [] }),
      ...fileRoutes(files, tuf),
      ...tufRoutes(tuf),
      ...faultRoutes(faults),
    );
    return { url: server.url, ...files, tuf, token: oidc.token, faults, ...services, oidc, close: server.close };
  } catch (error) {
    await server.close();
    throw error;
  }
}

type Services = Pick<LocalSigstore, "ca" | "ctLog" | "rekor" | "rekorV1" | "tsa" | "witnesses">;
type Files = Pick<LocalSigstore, "trustedRoot" | "signingConfig" | "trustedRootBytes" | "signingConfigBytes">;

function makeServices(o: LocalSigstoreOptions & { readonly now: () => Date }, state: State): Services {
  const { keyring, start } = state;
  const { operator } = defaultNames;
  const ctLog = makeCtLog({ baseUrl: defaultNames.ctLog, start, key: keyring.pair("ct-log", "p256"), operator });
  const witnesses = Array.from({ length: o.witnesses ?? 1 }, (_, index) => {
    const key = keyring.pair(`witness-${index}`, index === 1 ? "ml-dsa-44" : "ed25519");
    return makeWitness({ name: `witness-${index}.local`, now: o.now, key });
  });
  const rekor = makeLog({
    origin: o.rekorOrigin ?? defaultNames.rekorOrigin,
    start,
    key: keyring.pair("rekor", "ed25519"),
    operator,
    witnesses,
    ...(state.rekor === undefined ? {} : { store: state.rekor }),
  });
  const rekorV1 = makeV1Log({
    name: o.rekorV1Name ?? defaultNames.rekorV1Name,
    start,
    now: o.now,
    key: keyring.pair("rekor-v1", "p256"),
    operator,
    ...(state.rekorV1 === undefined ? {} : { store: state.rekorV1 }),
  });
  return { ca: openCa(state, o.now, ctLog), ctLog, rekor, rekorV1, tsa: openTsa(state, o.now), witnesses };
}

function openCa(state: State, now: () => Date, ctLog: CtLog): Authority {
  const rootKey = state.keyring.pair("ca-root", "p384");
  const key = state.keyring.pair("ca", "p384");
  const { fulcio: uri, operator } = defaultNames;
  const options: AuthorityOptions = { uri, now, operator, rootKey, key, notBefore: state.start, ctLogs: [ctLog] };
  const chain = state.chain("ca", () => makeAuthority(options).chain);
  return makeAuthority({ ...options, chain });
}

function openTsa(state: State, now: () => Date): Tsa {
  const key = state.keyring.pair("tsa", "p384");
  const options: TsaOptions = { uri: defaultNames.tsa, operator: defaultNames.operator, now, key, start: state.start };
  const chain = state.chain("tsa", () => makeTsa(options).chain);
  return makeTsa({ ...options, chain });
}

function makeFiles(
  services: Services,
  o: { readonly url: string; readonly start: Date; readonly version: "0.1" | "0.2" },
): Files {
  const trustedRoot = buildTrustedRoot({
    version: o.version,
    cas: [services.ca.trusted],
    tsas: [services.tsa.trusted],
    logs: [services.rekorV1.trusted, services.rekor.trusted],
    ctLogs: [services.ctLog.trusted],
  });
  const service = { validFor: { start: o.start }, operator: defaultNames.operator };
  const signingConfig = buildSigningConfig({
    ca: [{ ...service, url: o.url, majorApiVersion: 1 }],
    oidc: [{ ...service, url: o.url, majorApiVersion: 1 }],
    rekor: [
      { ...service, url: o.url, majorApiVersion: 2 },
      { ...service, url: o.url, majorApiVersion: 1 },
    ],
    tsa: [{ ...service, url: `${o.url}/api/v1/timestamp`, majorApiVersion: 1 }],
  });
  const bytes = { trustedRootBytes: jsonBytes(trustedRoot), signingConfigBytes: jsonBytes(signingConfig) };
  return { trustedRoot, signingConfig, ...bytes };
}

function allRoutes(
  services: Services & { readonly oidc: Oidc },
  o: {
    readonly faults: Faults;
    readonly now: () => Date;
    readonly state: State;
    readonly witnessedLogs: readonly LogKey[];
  },
): Route[] {
  const logs = (): readonly LogKey[] => [
    { name: services.rekor.origin, verifier: makeVerifier(services.rekor.key.spki), dialect: "c2sp" },
    { name: services.rekorV1.name, verifier: makeVerifier(services.rekorV1.key.spki), dialect: "rekor-v1" },
    ...o.witnessedLogs,
  ];
  const witnesses = services.witnesses.flatMap((witness, index) =>
    witnessRoutes({ index, witness, logs, faults: o.faults, memory: o.state.witnessMemory(`witness-${index}`) }),
  );
  return [
    ...services.oidc.routes,
    ...ctLogRoutes(services.ctLog, o),
    ...fulcioRoutes({ ca: services.ca, oidc: services.oidc, faults: o.faults, now: o.now }),
    ...rekorRoutes(services.rekor, o.faults),
    ...rekorV1Routes(services.rekorV1, o.faults),
    ...tsaRoutes(services.tsa, o),
    ...witnesses,
  ];
}

/** Target names are those of Sigstore's own repository. */
function openTuf(files: Files, state: State, now: Date): Promise<TufRepository> {
  return makeTufRepository({
    targets: new Map([
      ["trusted_root.json", files.trustedRootBytes],
      ["signing_config.v0.2.json", files.signingConfigBytes],
    ]),
    rootKey: state.keyring.pair("tuf-root", "p256"),
    onlineKey: state.keyring.pair("tuf-online", "p256"),
    start: state.start,
    now,
    keep: (root) => state.chain("tuf-root", () => [root])[0] ?? root,
  });
}

function fileRoutes(files: Files, tuf: TufRepository): readonly Route[] {
  const file = (path: RegExp, body: Uint8Array): Route => ({
    service: "files",
    method: "GET",
    path,
    answer: () => ({ status: 200, type: "application/json", body }),
  });
  return [
    file(/\/trusted_root\.json/, files.trustedRootBytes),
    file(/\/signing_config\.json/, files.signingConfigBytes),
    file(/\/tuf_root\.json/, tuf.root),
  ];
}

function faultRoutes(faults: Faults): readonly Route[] {
  const service = "control" as const;
  const path = /\/faults/;
  const list = (): Reply => json(faults.list());
  return [
    { service, method: "GET", path, answer: list },
    {
      service,
      method: "POST",
      path,
      answer: (request) => {
        const asked = parseRequestJson(request.body);
        faults.set(memberAt(asked, "service") as ServiceName, asked as Fault);
        return list();
      },
    },
    {
      service,
      method: "DELETE",
      path,
      answer: (request) => {
        faults.clear((request.query.get("service") ?? undefined) as ServiceName | undefined);
        return list();
      },
    },
  ];
}
