package kubeapi

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/k3s-io/kine/pkg/drivers"
	_ "github.com/k3s-io/kine/pkg/drivers/memory" // registers memory://
	_ "github.com/k3s-io/kine/pkg/drivers/sqlite" // registers sqlite://
	"github.com/k3s-io/kine/pkg/server"
	"google.golang.org/grpc"
)

// etcdVersion is what the store claims to be. Below 3.4.31 and 3.5.13 the API
// server would not offer streaming lists.
const etcdVersion = "3.6.8"

// store speaks etcd's protocol on a socket only this user can open.
type store struct {
	endpoint string
	socket   string // its folder
	grpc     *grpc.Server
	cancel   context.CancelFunc
	done     sync.WaitGroup
}

// startStore keeps its data in dir, or in memory when dir is "".
func startStore(ctx context.Context, dir string) (*store, error) {
	ctx, cancel := context.WithCancel(ctx)
	s := &store{cancel: cancel}
	if err := s.start(ctx, dir); err != nil {
		s.stop()
		return nil, fmt.Errorf("start the store: %w", err)
	}
	return s, nil
}

func (s *store) start(ctx context.Context, dir string) error {
	_, backend, err := drivers.New(ctx, &s.done, &drivers.Config{
		Endpoint:         dataSource(dir),
		CompactInterval:  5 * time.Minute,
		CompactTimeout:   5 * time.Second,
		CompactMinRetain: 1000,
		CompactBatchSize: 1000,
		PollBatchSize:    500,
		PollInterval:     time.Second,
	})
	if err != nil {
		return err
	}
	if err := backend.Start(ctx); err != nil {
		return err
	}
	// A socket path may not be longer than about 100 bytes: dir would not do.
	if s.socket, err = os.MkdirTemp("", "hedgesync-store"); err != nil {
		return err
	}
	listener, err := net.Listen("unix", filepath.Join(s.socket, "s"))
	if err != nil {
		return err
	}
	s.grpc = grpc.NewServer(grpc.MaxRecvMsgSize(4<<20), grpc.MaxSendMsgSize(1<<31-1))
	server.New(backend, "unix", 5*time.Second, etcdVersion).Register(s.grpc)
	s.done.Go(func() { _ = s.grpc.Serve(listener) })
	s.endpoint = "unix://" + listener.Addr().String()
	return nil
}

func dataSource(dir string) string {
	if dir == "" {
		return "memory://"
	}
	return "sqlite://" + filepath.Join(dir, "state.db") + "?_journal=WAL&_synchronous=NORMAL&_txlock=immediate&_busy_timeout=30000"
}

func (s *store) stop() {
	if s.grpc != nil {
		s.grpc.Stop()
	}
	s.cancel()
	s.done.Wait()
	if s.socket != "" {
		_ = os.RemoveAll(s.socket)
	}
}
