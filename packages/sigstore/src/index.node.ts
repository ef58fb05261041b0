export {
  maxKeyFileBytes,
  parseKeyFile,
  type AskPassword,
  type ChooseAlgorithm,
  type KeyFile,
  type KeyForm,
} from "./keys/key-file.node.ts";
export { isFileReference } from "./keys/reference.ts";
export { openSigner, openVerifier, type KeyIo, type KeyOptions } from "./keys/resolver.node.ts";
