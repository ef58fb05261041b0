/** The part of the package pkcs11js that is used: PKCS#11 functions by their names in the standard. */
export interface Pkcs11Package {
  readonly PKCS11: new () => Pkcs11Module;
}

export interface Pkcs11Module {
  load(path: string): void;
  C_Initialize(): void;
  C_GetSlotList(tokenPresent: boolean): Buffer[];
  C_GetTokenInfo(slot: Buffer): TokenInfo;
  C_OpenSession(slot: Buffer, flags: number): Buffer;
  C_Login(session: Buffer, userType: number, pin?: string): void;
  C_FindObjectsInit(session: Buffer, template: readonly Attribute[]): void;
  C_FindObjects(session: Buffer, maxCount: number): Buffer[];
  C_FindObjectsFinal(session: Buffer): void;
  C_GetAttributeValue(session: Buffer, object: Buffer, template: readonly Attribute[]): { readonly value: Buffer }[];
  C_SignInit(session: Buffer, mechanism: Mechanism, key: Buffer): void;
  C_Sign(session: Buffer, data: Buffer, signature: Buffer): Buffer;
}

/** Texts are padded with blanks. */
export interface TokenInfo {
  readonly label: string;
  readonly manufacturerID: string;
  readonly model: string;
  readonly serialNumber: string;
  readonly flags: number;
}

export interface Attribute {
  readonly type: number;
  readonly value?: Buffer | string | number | boolean;
}

export interface Mechanism {
  readonly mechanism: number;
  readonly parameter?: {
    readonly type: number;
    readonly hashAlg: number;
    readonly mgf: number;
    readonly saltLen: number;
  };
}

/** PKCS#11 v3.0, pkcs11t.h: the numbers used here. */
export const ck = {
  CKA_CLASS: 0x0,
  CKA_LABEL: 0x3,
  CKA_KEY_TYPE: 0x100,
  CKA_ID: 0x102,
  CKA_MODULUS: 0x120,
  CKA_PUBLIC_EXPONENT: 0x122,
  CKA_EC_PARAMS: 0x180,
  CKA_EC_POINT: 0x181,
  CKA_ALWAYS_AUTHENTICATE: 0x202,
  CKO_PUBLIC_KEY: 2,
  CKO_PRIVATE_KEY: 3,
  CKK_RSA: 0x0,
  CKK_EC: 0x3,
  CKK_EC_EDWARDS: 0x40,
  CKM_RSA_PKCS: 0x1,
  CKM_RSA_PKCS_PSS: 0xd,
  CKM_ECDSA: 0x1041,
  CKM_EDDSA: 0x1057,
  CKF_SERIAL_SESSION: 0x4,
  CKF_LOGIN_REQUIRED: 0x4,
  CKF_PROTECTED_AUTHENTICATION_PATH: 0x100,
  CKF_TOKEN_INITIALIZED: 0x400,
  CKU_USER: 1,
  CKU_CONTEXT_SPECIFIC: 2,
  CKR_ATTRIBUTE_SENSITIVE: 0x11,
  CKR_ATTRIBUTE_TYPE_INVALID: 0x12,
  CKR_PIN_INCORRECT: 0xa0,
  CKR_PIN_LEN_RANGE: 0xa2,
  CKR_PIN_EXPIRED: 0xa3,
  CKR_PIN_LOCKED: 0xa4,
  CKR_USER_ALREADY_LOGGED_IN: 0x100,
  CKR_CRYPTOKI_ALREADY_INITIALIZED: 0x191,
  /** pkcs11js: a parameter of RSA-PSS. */
  CK_PARAMS_RSA_PSS: 5,
} as const;

/** Hash and mask function of RSA-PSS (pkcs11t.h: CKM_SHAxxx, CKG_MGF1_SHAxxx). */
export const pssNumbers = {
  sha256: { hashAlg: 0x250, mgf: 2, saltLen: 32 },
  sha384: { hashAlg: 0x260, mgf: 3, saltLen: 48 },
  sha512: { hashAlg: 0x270, mgf: 4, saltLen: 64 },
} as const;
