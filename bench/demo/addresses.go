//go:build unix

package main

import (
	"fmt"
	"net"
)

// addresses are where everything listens, as host:port on loopback.
type addresses struct {
	store, sender, web, ingest, node, shop string
}

// usual are the addresses that the documentation names.
var usual = addresses{
	store:  "127.0.0.1:9090",
	sender: "127.0.0.1:9091",
	web:    "127.0.0.1:9390",
	ingest: "127.0.0.1:9391",
	node:   "127.0.0.1:9100",
	shop:   "127.0.0.1:9392",
}

// freeAddresses returns want with another port for each that is taken. It holds
// all of them until it knows all, so that no two are the same; that somebody
// else takes one before it is used is a start that fails and says so.
func freeAddresses(want addresses) (addresses, error) {
	for _, a := range []*string{&want.store, &want.sender, &want.web, &want.ingest, &want.node, &want.shop} {
		l, err := net.Listen("tcp", *a)
		if err != nil {
			l, err = net.Listen("tcp", "127.0.0.1:0")
		}
		if err != nil {
			return want, fmt.Errorf("find a free port: %w", err)
		}
		defer l.Close()
		*a = l.Addr().String()
	}
	return want, nil
}
