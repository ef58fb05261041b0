// Writes and reads encrypted private keys as cosign does, by the library that cosign uses for it:
// `make PASSWORD p256|ed25519|rsa` prints a key, `public PASSWORD FILE` opens one and prints its public half.
package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"os"

	"github.com/sigstore/sigstore/pkg/cryptoutils"
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func generate(kind string) (crypto.PrivateKey, error) {
	switch kind {
	case "p256":
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "ed25519":
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return key, err
	case "rsa":
		return rsa.GenerateKey(rand.Reader, 3072)
	}
	return nil, fmt.Errorf("unknown kind %q", kind)
}

func main() {
	password := func(bool) ([]byte, error) { return []byte(os.Args[2]), nil }
	if os.Args[1] == "make" {
		key, err := generate(os.Args[3])
		check(err)
		der, err := cryptoutils.MarshalPrivateKeyToEncryptedDER(key, password)
		check(err)
		os.Stdout.Write(cryptoutils.PEMEncode(cryptoutils.EncryptedSigstorePrivateKeyPEMType, der))
		return
	}
	text, err := os.ReadFile(os.Args[3])
	check(err)
	key, err := cryptoutils.UnmarshalPEMToPrivateKey(text, password)
	check(err)
	public, err := cryptoutils.MarshalPublicKeyToPEM(key.(crypto.Signer).Public())
	check(err)
	os.Stdout.Write(public)
}
