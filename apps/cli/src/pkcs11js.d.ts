/** An optional peer, absent here: its face is the part of it that sigstore uses. */
declare module "pkcs11js" {
  const face: import("@countersign/sigstore/node").Pkcs11Package;
  export default face;
}
