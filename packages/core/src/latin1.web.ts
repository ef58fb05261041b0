/** So many arguments are passed at once: an engine's stack holds them. */
const stretchBytes = 8192;

/** The text that has a character for each byte, of the same number (ISO 8859-1). TextDecoder cannot: its latin1 is windows-1252. */
export function readLatin1(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += stretchBytes)
    text += String.fromCharCode(...bytes.subarray(at, at + stretchBytes));
  return text;
}
