// The other side of our tests, with go-tuf:
//
//	peer read ROOT METADATA_URL TARGETS_URL OUT TARGET...   prints the length of each target, or null
//	peer author DIRECTORY                                   makes a repository
package main

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/theupdateframework/go-tuf/v2/metadata"
	"github.com/theupdateframework/go-tuf/v2/metadata/config"
	"github.com/theupdateframework/go-tuf/v2/metadata/updater"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 2 && args[0] == "author" {
		return author(args[1])
	}
	if len(args) > 5 && args[0] == "read" {
		return read(args[1], args[2], args[3], args[4], args[5:])
	}
	return errors.New("usage: peer read ROOT METADATA_URL TARGETS_URL OUT TARGET... | peer author DIRECTORY")
}

func read(rootPath, metadataURL, targetsURL, out string, names []string) error {
	root, err := os.ReadFile(rootPath)
	if err != nil {
		return err
	}
	cfg, err := config.New(metadataURL, root)
	if err != nil {
		return err
	}
	cfg.LocalMetadataDir, cfg.LocalTargetsDir, cfg.RemoteTargetsURL = filepath.Join(out, "cache"), out, targetsURL
	if err := os.MkdirAll(cfg.LocalMetadataDir, 0o755); err != nil {
		return err
	}
	up, err := updater.New(cfg)
	if err != nil {
		return err
	}
	if err := up.Refresh(); err != nil {
		return err
	}
	results := map[string]*int64{}
	for _, name := range names {
		info, err := up.GetTargetInfo(name)
		if err != nil && !strings.Contains(err.Error(), "not found") {
			return err
		}
		results[name] = nil
		if err != nil {
			continue
		}
		if _, _, err := up.DownloadTarget(info, filepath.Join(out, "file"), ""); err != nil {
			return err
		}
		results[name] = &info.Length
	}
	return json.NewEncoder(os.Stdout).Encode(results)
}

func author(dir string) error {
	expires := time.Now().UTC().Truncate(time.Second).AddDate(0, 0, 30)
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return err
	}
	key, err := metadata.KeyFromPublicKey(public)
	if err != nil {
		return err
	}
	signer, err := signature.LoadED25519Signer(private)
	if err != nil {
		return err
	}
	data := []byte("the app")
	sum := sha256.Sum256(data)
	path := filepath.Join(dir, "targets", hex.EncodeToString(sum[:])+".app.tgz")
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.MkdirAll(filepath.Join(dir, "metadata"), 0o755)); err != nil {
		return err
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		return err
	}
	info, err := metadata.TargetFile().FromBytes("app.tgz", data, "sha256")
	if err != nil {
		return err
	}
	root, targets := metadata.Root(expires), metadata.Targets(expires)
	snapshot, timestamp := metadata.Snapshot(expires), metadata.Timestamp(expires)
	targets.Signed.Targets["app.tgz"] = info
	for _, role := range []string{metadata.ROOT, metadata.TARGETS, metadata.SNAPSHOT, metadata.TIMESTAMP} {
		if err := root.Signed.AddKey(key, role); err != nil {
			return err
		}
	}
	at := func(name string) string { return filepath.Join(dir, "metadata", name) }
	sign := func(_ any, err error) error { return err }
	return errors.Join(
		sign(root.Sign(signer)), root.ToFile(at("1.root.json"), true),
		sign(targets.Sign(signer)), targets.ToFile(at("1.targets.json"), true),
		sign(snapshot.Sign(signer)), snapshot.ToFile(at("1.snapshot.json"), true),
		sign(timestamp.Sign(signer)), timestamp.ToFile(at("timestamp.json"), true),
	)
}
