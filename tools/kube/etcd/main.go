// Command etcd is the unmodified upstream server: Debian's etcd is too old for
// watch lists, so tests against it would exercise a path production never takes.
package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() { etcdmain.Main(os.Args) }
