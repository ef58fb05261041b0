import type { Http } from "@countersign/sigstore";
import { cliError } from "./errors.ts";
import { readSmallFile } from "./input.node.ts";
import type { TimestampClientOptions } from "./timestamp-options.ts";
import { isTlsMaterial, makeTlsHttp, type TlsMaterial } from "./tls-http.node.ts";

/**
 * Calls timestamp authorities as the options say, and all else by `http`. The certificate is shown to no other service. Throws CLI_OPTION_CONFLICT, CLI_FILE_*, and CLI_OPTION_VALUE for what OpenSSL does not take, before anything is sent.
 */
export function withClientCertificate(options: TimestampClientOptions, urls: readonly string[], http: Http): Http {
  const { timestampClientCert, timestampClientKey, timestampClientCacert, timestampServerName } = options;
  if ((timestampClientCert === undefined) !== (timestampClientKey === undefined))
    throw cliError("CLI_OPTION_CONFLICT", {
      checked: "--timestamp-client-cert, --timestamp-client-key",
      expected: "both or neither",
    });
  const plain = urls.find((url) => !url.startsWith("https://"));
  if (plain !== undefined)
    throw cliError("CLI_OPTION_CONFLICT", {
      checked: "--timestamp-client-cert",
      got: "a timestamp authority without TLS in the signing config",
    });
  const material = {
    ...pem("cert", timestampClientCert),
    ...pem("key", timestampClientKey),
    ...pem("ca", timestampClientCacert),
    ...(timestampServerName !== undefined && { serverName: timestampServerName }),
  };
  if (!isTlsMaterial(material))
    throw cliError("CLI_OPTION_VALUE", {
      checked: "--timestamp-client-cert, -key, -cacert",
      expected: "certificates in PEM, and the private key of the first, not encrypted",
    });
  const shown = makeTlsHttp(material);
  return (request) => (urls.includes(request.url) ? shown(request) : http(request));
}

function pem(member: "cert" | "key" | "ca", path: string | undefined): TlsMaterial {
  return path === undefined ? {} : { [member]: readSmallFile(path, "TLS file") };
}
