import type { Json } from "@countersign/core";

/** Replaces the n-th place, counted round, where the pattern fits. */
function replaceOne(text: string, pattern: RegExp, n: number, by: (found: string) => string): string {
  const found = [...text.matchAll(new RegExp(pattern, "g"))];
  const hit = found[n % Math.max(1, found.length)];
  if (hit === undefined) return text;
  return text.slice(0, hit.index) + by(hit[0]) + text.slice(hit.index + hit[0].length);
}
const sigs = /"(?:sig|signature|other_headers)":"[0-9a-f]+"/;
const keyids = /"keyid":"[0-9a-f]+"/;
const encoded = /"(?:sig|payload)":"[^"]+"/;
/** A DSSE envelope around other bytes, which nobody signed; a Metablock stays as it is. */
function changedPayload(text: string, write: (value: Json) => string): string {
  return text.replace(/"payload":"([^"]+)"/, (_, payload: string) => {
    const value = JSON.parse(Buffer.from(payload, "base64").toString("utf8")) as Json;
    return `"payload":"${Buffer.from(write(value)).toString("base64")}"`;
  });
}
const numbers = /(?<=[:[,])-?\d+(?=[,\]}])/;
const members = /"[a-z_-]+":/;
/** What may happen to the text of a file, by name. */
export const textChanges: ReadonlyMap<string, (text: string, n: number) => string> = new Map<
  string,
  (text: string, n: number) => string
>([
  ["bom", (text) => `\ufeff${text}`],
  ["line ends", (text) => text.replaceAll(",", ",\r\n")],
  ["white space", (text) => ` \t\n${text}\n\n `],
  ["odd white space", (text) => `\u00a0${text}`],
  ["form feed", (text) => `\f${text}`],
  ["more behind", (text) => `${text}x`],
  ["two values", (text) => `${text}{}`],
  ["NUL behind", (text) => `${text}\0`],
  ["nothing", () => ""],
  ["null", () => "null"],
  ["array", (text) => `[${text}]`],
  ["text", (text) => JSON.stringify(text)],
  ["cut", (text, n) => text.slice(0, n % Math.max(1, text.length))],
  ["comma", (text) => text.replace(/\}$/, ",}")],
  ["NaN", (text, n) => replaceOne(text, numbers, n, () => "NaN")],
  ["Infinity", (text, n) => replaceOne(text, numbers, n, () => "-Infinity")],
  ["huge", (text, n) => replaceOne(text, numbers, n, () => "1e400")],
  ["point zero", (text, n) => replaceOne(text, numbers, n, (found) => `${found}.0`)],
  ["exponent", (text, n) => replaceOne(text, numbers, n, (found) => `${found}e0`)],
  ["minus zero", (text, n) => replaceOne(text, numbers, n, () => "-0")],
  ["leading zero", (text, n) => replaceOne(text, numbers, n, (found) => `0${found}`)],
  ["plus", (text, n) => replaceOne(text, numbers, n, (found) => `+${found}`)],
  ["big integer", (text, n) => replaceOne(text, numbers, n, () => "123456789012345678901234567890")],
  ["quoted number", (text, n) => replaceOne(text, numbers, n, (found) => `"${found}"`)],
  [
    "capital signature",
    (text, n) =>
      replaceOne(text, sigs, n, (found) => found.toUpperCase().replace(/^"[A-Z_]+"/, (key) => key.toLowerCase())),
  ],
  ["odd signature", (text, n) => replaceOne(text, sigs, n, (found) => `${found.slice(0, -2)}"`)],
  ["short signature", (text, n) => replaceOne(text, sigs, n, (found) => `${found.slice(0, -3)}"`)],
  ["long signature", (text, n) => replaceOne(text, sigs, n, (found) => `${found.slice(0, -1)}00"`)],
  ["zeros before signature", (text, n) => replaceOne(text, sigs, n, (found) => found.replace('":"', '":"00'))],
  ["line end in signature", (text, n) => replaceOne(text, sigs, n, (found) => `${found.slice(0, -1)}\\n"`)],
  ["space in signature", (text, n) => replaceOne(text, sigs, n, (found) => `${found.slice(0, -1)} "`)],
  ["empty signature", (text, n) => replaceOne(text, sigs, n, (found) => found.replace(/:"[^]*$/, ':""'))],
  ["null signature", (text, n) => replaceOne(text, sigs, n, (found) => found.replace(/:"[^]*$/, ":null"))],
  ["0x signature", (text, n) => replaceOne(text, sigs, n, (found) => found.replace('":"', '":"0x'))],
  ["capital key id", (text, n) => replaceOne(text, keyids, n, (found) => `"keyid":"${found.slice(9).toUpperCase()}`)],
  ["short key id", (text, n) => replaceOne(text, keyids, n, (found) => `${found.slice(0, -2)}"`)],
  ["line end in key id", (text, n) => replaceOne(text, keyids, n, (found) => `${found.slice(0, -1)}\\n"`)],
  ["no key id", (text, n) => replaceOne(text, /"keyid":"[0-9a-f]+",?/, n, () => "")],
  ["member twice", (text, n) => replaceOne(text, members, n, (found) => `${found}1,${found}`)],
  ["member twice, null", (text, n) => replaceOne(text, members, n, (found) => `${found}null,${found}`)],
  ["member renamed", (text, n) => replaceOne(text, members, n, (found) => `"_${found.slice(1)}`)],
  ["member self", (text, n) => replaceOne(text, members, n, (found) => `"self":1,${found}`)],
  ["member cls", (text, n) => replaceOne(text, members, n, (found) => `"cls":1,"type_":2,${found}`)],
  ["member NaN", (text, n) => replaceOne(text, members, n, (found) => `"a":[NaN,-Infinity],${found}`)],
  ["member with a point", (text, n) => replaceOne(text, members, n, (found) => `"a.b":1.5,${found}`)],
  ["member __proto__", (text, n) => replaceOne(text, members, n, (found) => `"__proto__":{"a":1},${found}`)],
  ["short_keyid", (text, n) => replaceOne(text, keyids, n, (found) => `"short_keyid":"ab",${found}`)],
  ["odd short_keyid", (text, n) => replaceOne(text, keyids, n, (found) => `"short_keyid":"xy",${found}`)],
  ["info", (text, n) => replaceOne(text, keyids, n, (found) => `"info":{"a":[1.5]},${found}`)],
  [
    "both kinds of signature",
    (text, n) => replaceOne(text, keyids, n, (found) => `"other_headers":"0400","signature":"00",${found}`),
  ],
  ["half of the other kind", (text, n) => replaceOne(text, keyids, n, (found) => `"other_headers":"0400",${found}`)],
  [
    "odd other kind",
    (text, n) => replaceOne(text, keyids, n, (found) => `"other_headers":"xy","signature":"00",${found}`),
  ],
  ["certificate", (text, n) => replaceOne(text, keyids, n, (found) => `"cert":"x","certificate":1,${found}`)],
  ["escapes", (text, n) => replaceOne(text, /"[a-z]/, n, (found) => `"\\u00${found.charCodeAt(1).toString(16)}`)],
  ["lone surrogate", (text, n) => replaceOne(text, /":"/, n, (found) => `${found}\\ud800`)],
  ["control character", (text, n) => replaceOne(text, /":"/, n, (found) => `${found}\u0001`)],
  ["tab", (text, n) => replaceOne(text, /":"/, n, (found) => `${found}\t`)],
  [
    "deep",
    (text, n) => replaceOne(text, members, n, (found) => `"deep":${"[".repeat(300)}${"]".repeat(300)},${found}`),
  ],
  ["private", (text, n) => replaceOne(text, /"public":/, n, (found) => `"private":"",${found}`)],
  ["private text", (text, n) => replaceOne(text, /"public":/, n, (found) => `"private":"x",${found}`)],
  ["expires in a key", (text, n) => replaceOne(text, /"keytype":/, n, (found) => `"expires":"x",${found}`)],
  ["subkeys", (text, n) => replaceOne(text, /"keytype":/, n, (found) => `"subkeys":{"ab":{}},${found}`)],
  ["signatures dropped", (text) => text.replace(/"signatures":\[[^\]]*\]/, '"signatures":[]')],
  ["signatures null", (text) => text.replace(/"signatures":\[[^\]]*\]/, '"signatures":null')],
  ["signatures an object", (text) => text.replace(/"signatures":\[[^\]]*\]/, '"signatures":{}')],
  ["signatures left out", (text) => text.replace(/"signatures":\[[^\]]*\],?/, "")],
  ["signature of null", (text) => text.replace('"signatures":[', '"signatures":[null,')],
  ["signature twice", (text) => text.replace(/"signatures":\[(\{[^\]]*\})\]/, '"signatures":[$1,$1]')],
  ["payload beside", (text) => text.replace(/^\{/, '{"payload":"e30=",')],
  ["payloadType beside", (text) => text.replace(/^\{/, '{"payloadType":"x",')],
  [
    "base64 for URLs",
    (text) =>
      text.replace(/"(?:sig|payload)":"[^"]+"/g, (found) => found.replaceAll("+", "-").replace(/(?<=:".*)\//g, "_")),
  ],
  ["base64 without padding", (text, n) => replaceOne(text, encoded, n, (found) => found.replace(/=+"$/, '"'))],
  [
    "base64 with a line end",
    (text, n) => replaceOne(text, encoded, n, (found) => `${found.slice(0, 20)}\\n${found.slice(20)}`),
  ],
  ["base64 with a space", (text, n) => replaceOne(text, encoded, n, (found) => `${found.slice(0, -1)} "`)],
  ["base64 with more", (text, n) => replaceOne(text, encoded, n, (found) => `${found.slice(0, -1)}A"`)],
  ["base64 of nothing", (text, n) => replaceOne(text, encoded, n, (found) => found.replace(/:".*$/, ':""'))],
  ["base64 of another", (text, n) => replaceOne(text, encoded, n, (found) => found.replace(/.(?=[^"]"$)/, "A"))],
  [
    "hex for base64",
    (text, n) =>
      replaceOne(
        text,
        /"sig":"[^"]+"/,
        n,
        (found) => `"sig":"${Buffer.from(found.slice(7, -1), "base64").toString("hex")}"`,
      ),
  ],
  ["no payloadType", (text) => text.replace(/"payloadType":"[^"]*",/, "")],
  ["other payloadType", (text) => text.replace(/"payloadType":"[^"]*"/, '"payloadType":"text/plain"')],
  ["payloadType null", (text) => text.replace(/"payloadType":"[^"]*"/, '"payloadType":null')],
  ["signed beside", (text) => text.replace(/^\{/, '{"signed":{"_type":"link"},')],
  ["key id null", (text, n) => replaceOne(text, keyids, n, () => '"keyid":null')],
  ["key id a number", (text, n) => replaceOne(text, keyids, n, () => '"keyid":1')],
  ["payload laid out", (text) => changedPayload(text, (value) => JSON.stringify(value, null, 1))],
  ["payload with floats", (text) => changedPayload(text, (value) => JSON.stringify(value).replace(/\}$/, ',"x":1.5}'))],
  ["other members", (text) => text.replace(/^\{/, '{"a":{"b":[1.5,null]},"":0,')],
]);
