export {
  maxKeyFileBytes,
  parseKeyFile,
  type AskPassword,
  type TellSlow,
  type ChooseAlgorithm,
  type KeyFile,
  type KeyForm,
} from "./keys/key-file.node.ts";
export { importKey, keyTypes, makeKey, type KeyPair, type KeyType } from "./keys/new-key.node.ts";
export { keyNamesOf, keyStrengthOf, type KeyNames, type KeyStrength } from "./keys/key-name.ts";
export { describeKeyFile } from "./keys/describe.node.ts";
export {
  isFileReference,
  isLocal,
  parseKeyReference,
  type KeyReference,
  type LocalReference,
} from "./keys/reference.ts";
export { withoutSecrets } from "./keys/reference-error.ts";
export {
  parseKubernetesReference,
  storeKubernetesPair,
  type Cluster,
  type KubernetesPair,
  type KubernetesReference,
} from "./keys/kubernetes.ts";
export type { Pkcs11Package } from "./keys/pkcs11-module.node.ts";
export { openSigner, openVerifier, readKey, type KeyIo, type KeyOptions } from "./keys/resolver.node.ts";
