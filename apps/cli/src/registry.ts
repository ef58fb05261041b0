import { homedir } from "node:os";
import { hostnameOf, parseRepository, placeOf, Registry, type Repository } from "@countersign/oci";
import { credentialFiles, makeOciHttp, openCredentials, type ClientCertificate } from "@countersign/oci/node";
import { parseUtf8 } from "@countersign/core";
import { cliError } from "./errors.ts";
import { sleep } from "./http.ts";
import { readSmallFile } from "./input.node.ts";
import type { RegistryOptions } from "./image-options.ts";
import { proxyEnvOf, useAuthorities } from "./network.node.ts";
import type { Terminal } from "./terminal.ts";
import { version } from "./version.ts";

/** What the options say of registries, for all of a run. Opens no socket. Throws CLI_FILE_*, CLI_OPTION_CONFLICT and what `useNetwork` throws. */
export function openRegistry(options: RegistryOptions, images: readonly Repository[], terminal: Terminal): Registry {
  const ca = options.registryCa?.map((path) => readText(path, "certificate authority"));
  const clients = clientOf(options, images);
  const plain = new Set(options.plainHttp);
  const proxyEnv = proxyEnvOf(terminal.env);
  useAuthorities(terminal.env);
  return new Registry({
    http: makeOciHttp({
      userAgent: `countersign/${version}`,
      ...(ca !== undefined && { ca }),
      ...(clients !== undefined && { clients }),
      ...(proxyEnv !== undefined && { proxyEnv }),
    }),
    sleep,
    credentials: openCredentials({ files: credentialFiles(terminal.env, homeOf(terminal)), env: terminal.env }),
    isPlain: (host) => plain.has(host) || (ca === undefined && isThisMachine(host)),
  });
}

/** The repository that the evidence is in, if not beside the image. */
export function evidenceRepositoryOf({ evidenceRepository }: RegistryOptions): Repository | undefined {
  return evidenceRepository === undefined ? undefined : parseRepository(evidenceRepository);
}

function homeOf({ env }: Terminal): string {
  const { HOME: home } = env;
  return home === undefined || home === "" ? homedir() : home;
}

function isThisMachine(host: string): boolean {
  return placeOf(new URL(`http://${hostnameOf(host)}/`).hostname) === "loopback";
}

/** Only the registries of the images that were named are shown who one is. */
function clientOf(
  options: RegistryOptions,
  images: readonly Repository[],
): ReadonlyMap<string, ClientCertificate> | undefined {
  const { registryClientCert: certificate, registryClientKey: key } = options;
  if (certificate === undefined && key === undefined) return undefined;
  if (certificate === undefined || key === undefined)
    throw cliError("CLI_OPTION_CONFLICT", { expected: "--registry-client-cert and --registry-client-key together" });
  const client = { certificate: readText(certificate, "client certificate"), key: readText(key, "client key") };
  return new Map(images.map(({ registry }) => [new URL(`https://${registry}/`).host, client]));
}

function readText(path: string, what: string): string {
  return parseUtf8(readSmallFile(path, what));
}
