import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { keyKinds } from "./world.ts";
import { must, run } from "./peer.ts";

const config = `[req]
distinguished_name = name
[name]
[root]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
[leaf]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = URI:spiffe://example.com/worker, email:worker@example.com, DNS:worker.example.com
`;

/** Makes a certificate authority: `<name>.pem` and `<name>.crt`. */
export function makeAuthority(world: string, name: string): void {
  writeFileSync(join(world, "openssl.cnf"), config);
  must(run(world, "openssl", "genpkey", ...(keyKinds["RSA 2048"] ?? []), "-out", `${name}.pem`));
  const subject = ["-subj", `/O=example/CN=${name}`, "-days", "30"];
  const extensions = ["-config", "openssl.cnf", "-extensions", "root"];
  must(
    run(
      world,
      "openssl",
      "req",
      "-new",
      "-x509",
      "-key",
      `${name}.pem`,
      ...subject,
      ...extensions,
      "-out",
      `${name}.crt`,
    ),
  );
}

/** Certifies the key `<name>.pem` under a common name: `<name>.crt`. */
export function certify(world: string, name: string, commonName: string, authority: string): void {
  const subject = ["-subj", `/O=example/CN=${commonName}`, "-config", "openssl.cnf"];
  must(run(world, "openssl", "req", "-new", "-key", `${name}.pem`, ...subject, "-out", `${name}.csr`));
  const issuer = ["-CA", `${authority}.crt`, "-CAkey", `${authority}.pem`, "-CAcreateserial", "-days", "30"];
  const extensions = ["-extfile", "openssl.cnf", "-extensions", "leaf"];
  must(run(world, "openssl", "x509", "-req", "-in", `${name}.csr`, ...issuer, ...extensions, "-out", `${name}.crt`));
}
