package gitrepo

import (
	"context"
	"errors"
	"os"
	"syscall"
	"time"

	"github.com/hedgesync/hedgesync/internal/fault"
)

// lock takes the repository for one writer among all processes of this machine.
// The kernel releases it when the process dies, however it dies.
func (b bare) lock(ctx context.Context) (unlock func(), err error) {
	f, err := os.OpenFile(b.dir+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, cacheFault(err)
	}
	// flock cannot be waited for together with a context, so it is asked for again.
	retry := time.NewTicker(10 * time.Millisecond)
	defer retry.Stop()
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { _ = f.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			_ = f.Close()
			return nil, cacheFault(&os.PathError{Op: "flock", Path: f.Name(), Err: err})
		}
		select {
		case <-ctx.Done():
			_ = f.Close()
			return nil, busy(ctx)
		case <-retry.C:
		}
	}
}

func busy(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return ctx.Err()
	}
	return fault.New(fault.Unavailable, "git.cache", "another fetch of this repository did not end in time: %w", ctx.Err()).
		WithHint("see why the repository answers slowly; it will be tried again")
}
