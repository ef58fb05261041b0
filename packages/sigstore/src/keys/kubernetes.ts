import {
  attempt,
  base64,
  parseBase64,
  parseUtf8,
  quote,
  TrustError,
  utf8,
  type JsonObject,
  type ObjectReader,
} from "@countersign/core";
import { sigstoreError } from "../errors.ts";
import type { Http } from "../http.ts";
import type { AskPassword } from "./key-file.node.ts";
import {
  askIfThere,
  askKeyService,
  checkAnswered,
  jsonRequest,
  parseServiceAddress,
  wrongAnswer,
} from "./key-service.ts";
import { referenceMalformed } from "./reference-error.ts";
import type { KeyIo } from "./resolver.node.ts";

/** A key pair in a Secret of a Kubernetes cluster, as `cosign generate-key-pair k8s://` puts it there. */
export interface KubernetesReference {
  readonly kind: "k8s";
  readonly namespace: string;
  readonly name: string;
}

/** A cluster and who asks it, as a kubeconfig or the service account of a pod has them. */
export interface Cluster {
  /** Base address of the API server. */
  readonly server: string;
  /** The authorization, if it is one by headers. */
  readonly headers: Readonly<Record<string, string>>;
  /** What of these headers must not come back in a message. */
  readonly secrets: readonly string[];
  /** Trusts the cluster's own authority, and shows the client's certificate. */
  readonly http: Http;
}

/** What the entries of a Secret hold for cosign: each what the file would hold. */
export interface KubernetesPair {
  readonly private: string;
  readonly public: string;
  readonly password: string;
}

const label = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?";
const form = new RegExp(`^k8s://(${label})/((?=.{1,253}$)${label}(?:\\.${label})*)$`);

/** Parses `k8s://NAMESPACE/SECRET`; names are those of RFC 1123, as Kubernetes has them. Throws SIGSTORE_KEY_REFERENCE. */
export function parseKubernetesReference(text: string): KubernetesReference {
  const [, namespace, name] = form.exec(text) ?? [];
  if (namespace === undefined || name === undefined) throw referenceMalformed(text, "k8s://NAMESPACE/SECRET");
  return { kind: "k8s", namespace, name };
}

/**
 * A private key's text, and the password: the one beside it, else whatever `io` knows. Throws SIGSTORE_KEY_SERVICE_REFUSED where there
 * is none, SIGSTORE_KEY_SERVICE_RESPONSE, SIGSTORE_KEY_ADDRESS, and what `askKeyService` and `io.openCluster` throw.
 */
export async function readKubernetesKey(
  reference: KubernetesReference,
  io: KeyIo,
): Promise<{ readonly key: Uint8Array; readonly password: AskPassword }> {
  const { data } = await readSecret(reference, io);
  const password = data.get("cosign.password");
  return {
    key: entryOf(data, "cosign.key", reference),
    password: password === undefined ? io.password : () => Promise.resolve(attempt(() => parseUtf8(password)) ?? ""),
  };
}

/** A public key's text. Throws as `readKubernetesKey`. */
export async function readKubernetesPublicKey(reference: KubernetesReference, io: KeyIo): Promise<Uint8Array> {
  const { data } = await readSecret(reference, io);
  return entryOf(data, "cosign.pub", reference);
}

/**
 * Puts a pair into a Secret, which is new, or has no key yet: what else it holds stays. Nobody can change it afterwards
 * (`immutable`). Throws SIGSTORE_KEY_EXISTS where there is a key, and as `readKubernetesKey`; no message repeats anything of the pair.
 */
export async function storeKubernetesPair(
  reference: KubernetesReference,
  pair: KubernetesPair,
  io: KeyIo,
): Promise<void> {
  const place = await placeOf(reference, io);
  const before = await findSecret(place, io);
  if (before?.data.has("cosign.key") === true)
    throw sigstoreError("SIGSTORE_KEY_EXISTS", { checked: nameOf(reference) });
  try {
    await writeSecret(place, { pair, before }, io);
  } catch (error) {
    // Where the first answer was lost, the second says that it is there already: if it is ours, all is well.
    if (!(error instanceof TrustError) || error.code !== "SIGSTORE_KEY_SERVICE_REFUSED") throw error;
    const stored = (await findSecret(place, io))?.data.get("cosign.key");
    if (stored === undefined || base64(stored) !== base64(utf8(pair.private))) throw error;
  }
}

/** A Secret's place in its cluster. */
interface Place {
  readonly reference: KubernetesReference;
  readonly cluster: Cluster;
  /** Of all Secrets of the namespace. */
  readonly url: string;
}

interface Secret {
  readonly data: ReadonlyMap<string, Uint8Array>;
  readonly object: ObjectReader;
}

async function placeOf(reference: KubernetesReference, io: KeyIo): Promise<Place> {
  const cluster = await io.openCluster();
  const url = `${parseServiceAddress(cluster.server)}/api/v1/namespaces/${reference.namespace}/secrets`;
  return { reference, cluster, url };
}

async function readSecret(reference: KubernetesReference, io: KeyIo): Promise<Secret> {
  const found = await findSecret(await placeOf(reference, io), io);
  if (found !== undefined) return found;
  throw sigstoreError("SIGSTORE_KEY_SERVICE_REFUSED", { checked: nameOf(reference), got: "no such Secret" });
}

async function findSecret({ reference, cluster, url }: Place, io: KeyIo): Promise<Secret | undefined> {
  const { headers, secrets, http } = cluster;
  const asked = { url: `${url}/${reference.name}`, headers: { ...headers, accept: "application/json" }, secrets };
  const object = await askIfThere({ ...io, http }, asked);
  return object && readObjectOf(object, reference);
}

/** POST creates, PUT replaces, if nobody changed it in between (`resourceVersion`): Kubernetes API, Secret v1. */
async function writeSecret(
  { reference, cluster, url }: Place,
  { pair, before }: { readonly pair: KubernetesPair; readonly before: Secret | undefined },
  io: KeyIo,
): Promise<void> {
  const own = { "cosign.key": pair.private, "cosign.pub": pair.public, "cosign.password": pair.password };
  const encoded = Object.entries(own).map(([name, text]) => [name, utf8(text)] as const);
  const data = Object.fromEntries([...(before?.data ?? []), ...encoded].map(([name, bytes]) => [name, base64(bytes)]));
  const { namespace, name } = reference;
  const object: JsonObject = {
    apiVersion: "v1",
    kind: "Secret",
    metadata: before?.object.json("metadata") ?? { name, namespace },
    type: before?.object.optionalJson("type") ?? "Opaque",
    immutable: true,
    data,
  };
  const { headers, body } = jsonRequest(object);
  const secrets = [...cluster.secrets, ...Object.values(own).filter((text) => text !== ""), JSON.stringify(data)];
  const where = before === undefined ? { url } : ({ url: `${url}/${name}`, method: "PUT" } as const);
  const sent = { ...where, headers: { ...cluster.headers, ...headers }, body, secrets };
  readObjectOf(await askKeyService({ ...io, http: cluster.http }, sent), reference);
}

function readObjectOf(object: ObjectReader, { namespace, name }: KubernetesReference): Secret {
  checkAnswered("kind", "Secret", object.string("kind"));
  const metadata = object.object("metadata");
  checkAnswered("namespace", namespace, metadata.string("namespace"));
  checkAnswered("name", name, metadata.string("name"));
  const entries = Object.entries(
    object.optionalObject("data") === undefined ? {} : (object.json("data") as JsonObject),
  );
  return { object, data: new Map(entries.map(([entry, value]) => [entry, decoded(value)])) };
}

function decoded(value: unknown): Uint8Array {
  const bytes = typeof value === "string" ? attempt(() => parseBase64(value)) : undefined;
  if (bytes === undefined) throw wrongAnswer({ checked: "data", expected: "base64" });
  return bytes;
}

function entryOf(data: Secret["data"], name: string, reference: KubernetesReference): Uint8Array {
  const entry = data.get(name);
  if (entry !== undefined && entry.length > 0) return entry;
  throw sigstoreError("SIGSTORE_KEY_SERVICE_REFUSED", { checked: nameOf(reference), expected: `an entry ${name}` });
}

function nameOf({ namespace, name }: KubernetesReference): string {
  return `Secret ${quote(`${namespace}/${name}`)}`;
}
