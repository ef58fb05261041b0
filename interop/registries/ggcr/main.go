// A registry in memory, go-containerregistry's, with its list of referrers switched on: its own commands leave it off.
package main

import (
	"log"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
)

// Serves on the address that is the one argument, and says which it is: port 0 is one that is free.
func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: ggcr HOST:PORT")
	}
	server := &http.Server{
		Handler:           registry.New(registry.WithReferrersSupport(true), registry.Logger(log.New(os.Stderr, "", 0))),
		ReadHeaderTimeout: 10 * time.Second,
	}
	listener, err := net.Listen("tcp", os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	log.Printf("listening on %v", listener.Addr())
	log.Fatal(server.Serve(listener))
}
