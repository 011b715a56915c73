package world

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"k8s.io/client-go/rest"

	"github.com/hedgesync/hedgesync/sandbox/admission"
	"github.com/hedgesync/hedgesync/sandbox/agents"
	"github.com/hedgesync/hedgesync/sandbox/controller"
	"github.com/hedgesync/hedgesync/sandbox/kubeapi"
	"github.com/hedgesync/hedgesync/sandbox/objects"
)

// ClusterConfig says what one cluster is like.
type ClusterConfig struct {
	Name   string
	Dir    string // where the kubeconfig and, unless Memory, the objects are kept
	Memory bool
	Port   int // on 127.0.0.1; 0 takes a free one

	Admission  bool // objects are rewritten and refused as a fabric does
	Controller bool // switch models and agents are made
	Agents     bool // switches report

	Timing agents.Config
	Log    *slog.Logger
}

// Cluster is a running API server with a fabric's life in it.
type Cluster struct {
	Name       string
	Kubeconfig string

	server *kubeapi.Server
	seen   *objects.Cache
	life   *Life
}

// StartCluster returns once objects can be written; Stop must be called.
func StartCluster(ctx context.Context, c ClusterConfig) (*Cluster, error) {
	cluster := &Cluster{Name: c.Name, Kubeconfig: filepath.Join(c.Dir, "kubeconfig")}
	if err := cluster.start(ctx, c); err != nil {
		return nil, errors.Join(fmt.Errorf("cluster %s: %w", c.Name, err), cluster.Stop())
	}
	return cluster, nil
}

func (k *Cluster) start(ctx context.Context, c ClusterConfig) error {
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return err
	}
	config := kubeapi.Config{Port: c.Port}
	if !c.Memory {
		config.Dir = filepath.Join(c.Dir, "kube")
	}
	plugin := &admission.Plugin{}
	if c.Admission {
		config.Admission = plugin
	}
	var err error
	if k.server, err = kubeapi.Start(ctx, config); err != nil {
		return err
	}
	if err := k.server.WriteKubeconfig(k.Kubeconfig, c.Name); err != nil {
		return err
	}
	if c.Admission {
		if k.seen, err = objects.Watch(ctx, k.server.Client(), admission.Reads...); err != nil {
			return err
		}
		plugin.Use(k.seen)
	}
	k.life, err = Enliven(ctx, k.server.Client(), LifeConfig{Controller: c.Controller, Agents: c.Agents, Timing: c.Timing, Log: c.Log})
	return err
}

// URL returns where the API is served.
func (k *Cluster) URL() string { return k.server.URL() }

// Client returns a configuration that may do everything.
func (k *Cluster) Client() *rest.Config { return k.server.Client() }

// Stop ends everything in the cluster, then the server.
func (k *Cluster) Stop() error {
	if k.life != nil {
		k.life.Stop()
	}
	if k.seen != nil {
		k.seen.Stop()
	}
	if k.server != nil {
		return k.server.Stop()
	}
	return nil
}

// LifeConfig says what happens in a cluster after a write.
type LifeConfig struct {
	Controller bool
	Agents     bool
	Timing     agents.Config
	Log        *slog.Logger
}

// Life is what happens in a cluster by itself: controller and switches.
type Life struct {
	cancel context.CancelFunc
	done   sync.WaitGroup
	close  []func()
}

// Enliven starts it in any cluster that serves the kinds. ctx bounds the start
// alone; Stop must be called.
func Enliven(ctx context.Context, config *rest.Config, c LifeConfig) (*Life, error) {
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	l := &Life{cancel: cancel}
	if c.Controller {
		made, err := controller.New(ctx, config, c.Log)
		if err != nil {
			l.Stop()
			return nil, err
		}
		l.close = append(l.close, made.Close)
		l.done.Go(func() { made.Run(running) })
	}
	if c.Agents {
		made, err := agents.New(ctx, config, c.Timing, c.Log)
		if err != nil {
			l.Stop()
			return nil, err
		}
		l.close = append(l.close, made.Close)
		l.done.Go(func() { made.Run(running) })
	}
	return l, nil
}

// Stop ends it and waits.
func (l *Life) Stop() {
	l.cancel()
	l.done.Wait()
	for _, stop := range l.close {
		stop()
	}
}
