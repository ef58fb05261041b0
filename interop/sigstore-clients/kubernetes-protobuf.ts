import type { Protocol } from "@countersign/testkit";

/** A protocol that also takes Secrets as client-go writes them, in Kubernetes' protobuf encoding, and answers in JSON. */
export function withProtobuf(protocol: Protocol): Protocol {
  return (request, fault) => {
    const type = request.headers["content-type"] ?? "";
    if (!type.startsWith("application/vnd.kubernetes.protobuf")) return protocol(request, fault);
    const headers = { ...request.headers, "content-type": "application/json" };
    return protocol({ ...request, headers, body: Buffer.from(JSON.stringify(readSecret(request.body))) }, fault);
  };
}

/** The bytes before each object (runtime.Unknown). */
const magic = Buffer.from("k8s\0");

/** k8s.io/api/core/v1 generated.proto: Secret { metadata 1, data 2, type 3, immutable 5 }. */
function readSecret(body: Buffer): object {
  if (!body.subarray(0, magic.length).equals(magic)) throw new Error("no object of Kubernetes");
  const envelope = fieldsOf(body.subarray(magic.length));
  const typeMeta = fieldsOf(bytesIn(envelope, 1));
  const secret = fieldsOf(bytesIn(envelope, 2));
  const metadata = fieldsOf(bytesIn(secret, 1));
  const entries = secret.filter(({ number }) => number === 2).map(({ value }) => fieldsOf(value as Uint8Array));
  const version = bytesIn(metadata, 6).toString();
  return {
    apiVersion: bytesIn(typeMeta, 1).toString(),
    kind: bytesIn(typeMeta, 2).toString(),
    metadata: {
      name: bytesIn(metadata, 1).toString(),
      namespace: bytesIn(metadata, 3).toString(),
      ...(version !== "" && { resourceVersion: version }),
    },
    data: Object.fromEntries(entries.map((each) => [bytesIn(each, 1).toString(), bytesIn(each, 2).toString("base64")])),
    ...(secret.some(({ number, value }) => number === 5 && value === 1) && { immutable: true }),
  };
}

interface Field {
  readonly number: number;
  readonly value: Uint8Array | number;
}

function bytesIn(fields: readonly Field[], number: number): Buffer {
  const value = fields.find((field) => field.number === number)?.value;
  return Buffer.from(typeof value === "object" ? value : []);
}

/** Wire types 0 and 2, which are all that a Secret has. */
function fieldsOf(bytes: Uint8Array): readonly Field[] {
  const fields: Field[] = [];
  let at = 0;
  const varint = (): number => {
    for (let value = 0, scale = 1; ; scale *= 128) {
      const byte = bytes[at++] ?? 0;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const size = varint();
    const isBytes = tag % 8 === 2;
    fields.push({ number: tag >> 3, value: isBytes ? bytes.subarray(at, at + size) : size });
    if (isBytes) at += size;
  }
  return fields;
}
