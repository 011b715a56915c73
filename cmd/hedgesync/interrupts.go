package main

import (
	"context"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/hedgesync/hedgesync/internal/fault"
)

var errInterrupted = fault.New(fault.Unknown, "cli.interrupted", "interrupted")

// interrupts sorts the signals of a command that has the application open: the
// first Ctrl-C while a run is followed asks that run to stop, every other one
// ends the command.
type interrupts struct {
	end func(error)

	mu  sync.Mutex
	ask chan struct{} // of the run that is followed; nil: none, or it was asked already
}

// listen takes the signals over from the system until ctx ends.
func (i *interrupts) listen(ctx context.Context) {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	context.AfterFunc(ctx, func() { signal.Stop(signals) })
	go func() {
		for {
			select {
			case s := <-signals:
				i.handle(s)
			case <-ctx.Done():
				return
			}
		}
	}()
}

func (i *interrupts) handle(s os.Signal) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if s != os.Interrupt || i.ask == nil {
		i.end(errInterrupted)
		return
	}
	close(i.ask)
	i.ask = nil
}

// follow returns a channel that is closed when the run that is followed from now
// on is to stop, and what to call when it is no longer followed.
func (i *interrupts) follow() (asked <-chan struct{}, done func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	ask := make(chan struct{})
	i.ask = ask
	return ask, func() {
		i.mu.Lock()
		defer i.mu.Unlock()
		i.ask = nil
	}
}
