// A registry in memory, go-containerregistry's, with its list of referrers switched on: its own commands leave it off.
package main

import (
	"log"
	"net/http"
	"os"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
)

// Serves on the address that is the one argument.
func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: ggcr HOST:PORT")
	}
	server := &http.Server{
		Addr:              os.Args[1],
		Handler:           registry.New(registry.WithReferrersSupport(true), registry.Logger(log.New(os.Stderr, "", 0))),
		ReadHeaderTimeout: 10 * time.Second,
	}
	log.Fatal(server.ListenAndServe())
}
