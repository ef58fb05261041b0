/** The errors of managed keys, part of this package's catalogue. */
export const keyEntries = {
  SIGSTORE_KEY_REFERENCE: {
    kind: "usage",
    says: "not a key reference that is known here",
    fix: "give a file, env://NAME, pkcs11:…, hashivault://KEY, awskms://…, gcpkms://…, azurekms://…, gitlab://… or k8s://…; ./NAME is always a file",
  },
  SIGSTORE_KEY_VARIABLE: {
    kind: "usage",
    says: "the environment variable that should hold a key is not set",
    fix: "export the variable, with the PEM text of the key in it",
  },
  SIGSTORE_KEY_FILE_MALFORMED: {
    kind: "usage",
    says: "not a key file that can be read",
    fix: "give one key in PEM (PKCS#8, SEC1, PKCS#1, cosign's or OpenSSH's form), or a public key line of OpenSSH",
  },
  SIGSTORE_KEY_PRIVATE: {
    kind: "usage",
    says: "this is a private key, a public one is needed",
    fix: "make the public half: countersign key public KEY",
  },
  SIGSTORE_KEY_PUBLIC: {
    kind: "usage",
    says: "this is a public key, a private one is needed to sign",
    fix: "give the private half",
  },
  SIGSTORE_KEY_ALGORITHM: {
    kind: "usage",
    says: "the token or service does not sign with this algorithm",
    fix: "use a key of another kind, for instance ECDSA on P-256",
  },
  SIGSTORE_KEY_ADDRESS: {
    kind: "usage",
    says: "the address of the key service cannot be used: what is sent there can sign",
    fix: "give an https address; http only on this machine",
  },
  SIGSTORE_KEY_CREDENTIALS: {
    kind: "usage",
    says: "there are no credentials for the key service",
    fix: "set the environment variables that are expected",
  },
  SIGSTORE_KEY_CREDENTIALS_FILE: {
    kind: "usage",
    says: "a file of credentials cannot be used",
    fix: "make the file readable or right; or take it, or the variable that names it, away: then the next place is asked",
  },
  SIGSTORE_KEY_EXISTS: {
    kind: "usage",
    says: "there is a key already, and what it signed could be verified no more",
    fix: "take another name, or delete the Secret first: kubectl delete secret NAME --namespace NAMESPACE",
  },
  SIGSTORE_KEY_SERVICE_REFUSED: {
    kind: "usage",
    says: "the key service refused",
    fix: "check the name of the key, the credentials and what they permit",
  },
  SIGSTORE_KEY_SERVICE_RESPONSE: {
    kind: "untrusted",
    says: "the key service did not answer what it was asked",
    fix: "check the address of the key service; nothing was written",
  },
  SIGSTORE_KEY_SIGNATURE: {
    kind: "untrusted",
    says: "what came back is not the key's signature over what was to be signed",
    fix: "check the token or key service, it signs something else or with another key; nothing was written",
  },
  SIGSTORE_KEY_PKCS11_URI: {
    kind: "usage",
    says: "not a pkcs11: URI that names one key",
    fix: "write it as pkcs11:token=TOKEN;object=KEY, other characters as %XX (RFC 7512)",
  },
  SIGSTORE_KEY_PKCS11_MISSING: {
    kind: "usage",
    says: "keys on tokens need the package pkcs11js, which is not installed or cannot run here",
    fix: "install it beside countersign: npm install pkcs11js (global, if countersign is)",
  },
  SIGSTORE_KEY_PKCS11_MODULE: {
    kind: "usage",
    says: "the library of the token is not named or cannot be loaded",
    fix: "set COUNTERSIGN_PKCS11_MODULE to its path, for instance /usr/lib/softhsm/libsofthsm2.so",
  },
  SIGSTORE_KEY_PKCS11_NOT_FOUND: {
    kind: "usage",
    says: "no token and key, or more than one, are those that the pkcs11: URI names",
    fix: "see what is there, for instance by pkcs11-tool --list-objects, and name one of it",
  },
  SIGSTORE_KEY_PKCS11_FAILED: {
    kind: "unavailable",
    says: "the token failed",
    fix: "look the code up in the PKCS#11 standard or the token's manual",
  },
  SIGSTORE_KEY_PIN_NEEDED: {
    kind: "usage",
    says: "the token wants a PIN, and there is none and nobody to ask for it",
    fix: "set COUNTERSIGN_PKCS11_PIN, or name a file in the URI: ?pin-source=/path",
  },
  SIGSTORE_KEY_PIN_WRONG: {
    kind: "usage",
    says: "the token does not take the PIN",
    fix: "check the PIN before the next try: tokens lock after a few wrong ones",
  },
  SIGSTORE_KEY_TYPE: {
    kind: "usage",
    says: "this version of Node cannot make such a key",
    fix: "use Node 24 or newer, or another type",
  },
  SIGSTORE_KEY_PASSWORD_NEEDED: {
    kind: "usage",
    says: "the key is encrypted, and there is no password and nobody to ask for it",
    fix: "set COUNTERSIGN_PASSWORD, or give --password-file FILE",
  },
  SIGSTORE_KEY_PASSWORD_WRONG: {
    kind: "usage",
    says: "the password does not open the key, or the key file is damaged",
    fix: "check the password, and COUNTERSIGN_PASSWORD if it comes from there; then the file against its backup",
  },
  SIGSTORE_KEY_WORK: {
    kind: "malformed",
    says: "the key file asks for more work to open it than an honest one does",
    fix: "do not use the file; get the key again from where it comes from",
  },
  SIGSTORE_KEY_CIPHER: {
    kind: "usage",
    says: "the key is encrypted in a way that is not supported",
    fix: "encrypt it anew: openssl pkcs8 -topk8 -v2 aes-256-cbc -in KEY -out NEW",
  },
  SIGSTORE_KEY_LEGACY: {
    kind: "usage",
    says: "the key is encrypted in OpenSSL's old form, which one round of MD5 protects",
    fix: "encrypt it anew: openssl pkcs8 -topk8 -in KEY -out NEW",
  },
  SIGSTORE_KEY_SSH_ENCRYPTED: {
    kind: "usage",
    says: "the SSH key is encrypted in a way that is not supported",
    fix: "encrypt it anew: ssh-keygen -p -Z aes256-ctr -f KEY",
  },
} as const;
