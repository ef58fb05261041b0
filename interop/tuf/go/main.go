// Reads targets with go-tuf's client: reader ROOT METADATA_URL TARGETS_URL OUT TARGET... Prints one JSON object.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/theupdateframework/go-tuf/v2/metadata/config"
	"github.com/theupdateframework/go-tuf/v2/metadata/updater"
)

type result struct {
	Path   string `json:"path"`
	Length int64  `json:"length"`
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) < 4 {
		return fmt.Errorf("usage: reader ROOT METADATA_URL TARGETS_URL OUT TARGET...")
	}
	root, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	cache, err := os.MkdirTemp("", "gotuf")
	if err != nil {
		return err
	}
	defer os.RemoveAll(cache)
	cfg, err := config.New(args[1], root)
	if err != nil {
		return err
	}
	cfg.LocalMetadataDir, cfg.LocalTargetsDir, cfg.RemoteTargetsURL = cache, args[3], args[2]
	up, err := updater.New(cfg)
	if err != nil {
		return err
	}
	if err := up.Refresh(); err != nil {
		return err
	}
	results := map[string]*result{}
	for _, name := range args[4:] {
		info, err := up.GetTargetInfo(name)
		if err != nil {
			if !strings.Contains(err.Error(), "not found") {
				return err
			}
			results[name] = nil
			continue
		}
		path := filepath.Join(args[3], filepath.Base(name))
		if _, _, err := up.DownloadTarget(info, path, ""); err != nil {
			return err
		}
		results[name] = &result{Path: path, Length: info.Length}
	}
	return json.NewEncoder(os.Stdout).Encode(results)
}
