// Package kubeapi is a small Kubernetes API server: custom resource definitions,
// custom resources, and just enough around them for kubectl and for clients that
// ask what they may do.
//
// It is the API machinery of Kubernetes itself, so server-side apply, watch,
// schemas, defaults, dry run and finalizers behave as they do on a real cluster.
// It has no namespaces of its own (there is always one, "default"), no roles
// (whoever knows the token may do anything), no webhooks and no core kinds. It
// listens on loopback only. Several run in one process; each can be stopped.
package kubeapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"time"

	"k8s.io/apiextensions-apiserver/pkg/apiserver"
	"k8s.io/apiextensions-apiserver/pkg/cmd/server/options"
	generatedopenapi "k8s.io/apiextensions-apiserver/pkg/generated/openapi"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/authentication/request/bearertoken"
	"k8s.io/apiserver/pkg/authentication/token/tokenfile"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizerfactory"
	openapinamer "k8s.io/apiserver/pkg/endpoints/openapi"
	genericapiserver "k8s.io/apiserver/pkg/server"
	genericoptions "k8s.io/apiserver/pkg/server/options"
	"k8s.io/apiserver/pkg/storage/storagebackend"
	"k8s.io/apiserver/pkg/util/openapi"
	"k8s.io/apiserver/pkg/util/webhook"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
)

// Config says what to serve and where.
type Config struct {
	// Dir keeps objects, certificate and token, so that a second start in it
	// serves the same things to the same clients; "" keeps nothing.
	Dir string
	// Port on 127.0.0.1; 0 takes a free one.
	Port int
	// Admission sees every write of a custom resource; it may be nil.
	Admission admission.Interface
}

// Server is a running API server.
type Server struct {
	client  *rest.Config
	store   *store
	cancel  context.CancelFunc
	stopped chan struct{} // closed when the server has ended
	err     error         // why it ended; read after stopped is closed
}

// Start returns once the server is ready and serves the kinds of package crds.
// ctx bounds the start alone: the server runs until Stop, which must be called.
func Start(ctx context.Context, c Config) (*Server, error) {
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s := &Server{cancel: cancel, stopped: make(chan struct{})}
	if err := s.start(running, c); err != nil {
		cancel()
		if s.store != nil {
			s.store.stop()
		}
		return nil, fmt.Errorf("start the API server: %w", err)
	}
	if err := s.serveKinds(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("define the kinds: %w", err), s.Stop())
	}
	return s, nil
}

// Stop ends the server and waits for it; a second call returns the same error.
func (s *Server) Stop() error {
	s.cancel()
	<-s.stopped
	return s.err
}

// Client returns a configuration that may do everything, without a rate limit.
func (s *Server) Client() *rest.Config { return rest.CopyConfig(s.client) }

// URL returns "https://127.0.0.1:port".
func (s *Server) URL() string { return s.client.Host }

func (s *Server) start(ctx context.Context, c Config) error {
	if err := makeDir(c.Dir); err != nil {
		return err
	}
	token, err := tokenIn(c.Dir)
	if err != nil {
		return err
	}
	// The store outlives ctx: the server still writes while it shuts down.
	if s.store, err = startStore(context.WithoutCancel(ctx), c.Dir); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", c.Port))
	if err != nil {
		return err
	}
	composed, ca, err := compose(c, s.store.endpoint, listener, token)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	s.client = &rest.Config{
		Host:            "https://" + listener.Addr().String(),
		BearerToken:     token,
		TLSClientConfig: rest.TLSClientConfig{CAData: ca},
		QPS:             -1,
	}
	go func() {
		defer close(s.stopped)
		s.err = composed.GenericAPIServer.PrepareRun().RunWithContext(ctx)
		s.store.stop()
	}()
	return nil
}

func makeDir(dir string) error {
	if dir == "" {
		return nil
	}
	return os.MkdirAll(dir, 0o700)
}

// compose puts the server together and returns it with the certificates a
// client has to trust.
func compose(c Config, etcd string, listener net.Listener, token string) (*apiserver.CustomResourceDefinitions, []byte, error) {
	o := recommended(c.Dir, etcd, listener)
	ro := o.RecommendedOptions
	if err := ro.SecureServing.MaybeDefaultWithSelfSignedCerts("localhost", nil, []net.IP{net.IPv4(127, 0, 0, 1)}); err != nil {
		return nil, nil, err
	}
	config, err := generic(o, token, c.Admission)
	if err != nil {
		return nil, nil, err
	}
	ca, _ := config.SecureServing.Cert.CurrentCertKeyContent()

	front := &front{}
	config.BuildHandlerChainFunc = front.wrap(config.BuildHandlerChainFunc)
	whole := &apiserver.Config{GenericConfig: config, ExtraConfig: apiserver.ExtraConfig{
		CRDRESTOptionsGetter: options.NewCRDRESTOptionsGetter(*ro.Etcd, config.ResourceTransformers, config.StorageObjectCountTracker),
		ServiceResolver:      webhook.NewDefaultServiceResolver(),
		AuthResolverWrapper:  webhook.NewDefaultAuthenticationInfoResolverWrapper(nil, nil, config.LoopbackClientConfig, nil),
		MasterCount:          1,
	}}
	composed, err := whole.Complete().New(genericapiserver.NewEmptyDelegate())
	if err != nil {
		return nil, nil, err
	}
	// Watches of clients that stay are cut, not waited for.
	composed.GenericAPIServer.ShutdownTimeout = time.Second
	front.groups = composed.GenericAPIServer.AggregatedDiscoveryGroupManager
	return composed, ca, nil
}

// recommended switches off what needs a cluster around the server.
func recommended(dir, etcd string, listener net.Listener) *options.CustomResourceDefinitionsServerOptions {
	o := options.NewCustomResourceDefinitionsServerOptions(io.Discard, io.Discard)
	ro := o.RecommendedOptions
	ro.Authentication, ro.Authorization, ro.CoreAPI, ro.Admission = nil, nil, nil, nil
	ro.Audit, ro.EgressSelector, ro.Traces = nil, nil, nil
	ro.Features = genericoptions.NewFeatureOptions()
	ro.Features.EnablePriorityAndFairness = false
	ro.Features.EnableProfiling = false
	ro.SecureServing.Listener = listener
	ro.SecureServing.BindAddress = net.IPv4(127, 0, 0, 1)
	ro.SecureServing.BindPort = listener.Addr().(*net.TCPAddr).Port
	ro.SecureServing.ServerCert.CertDirectory = ""
	if dir != "" {
		ro.SecureServing.ServerCert.CertDirectory = filepath.Join(dir, "pki")
		ro.SecureServing.ServerCert.PairName = "apiserver"
	}
	ro.Etcd.StorageConfig.Transport = storagebackend.TransportConfig{ServerList: []string{etcd}}
	return o
}

func generic(o *options.CustomResourceDefinitionsServerOptions, token string, admit admission.Interface) (*genericapiserver.RecommendedConfig, error) {
	ro := o.RecommendedOptions
	config := genericapiserver.NewRecommendedConfig(apiserver.Codecs)
	if err := o.ServerRunOptions.Complete(); err != nil {
		return nil, err
	}
	if err := o.ServerRunOptions.ApplyTo(&config.Config); err != nil {
		return nil, err
	}
	if err := ro.Etcd.ApplyTo(&config.Config); err != nil {
		return nil, err
	}
	if err := ro.SecureServing.ApplyTo(&config.SecureServing, &config.LoopbackClientConfig); err != nil {
		return nil, err
	}
	if err := o.APIEnablement.ApplyTo(&config.Config, apiserver.DefaultAPIResourceConfigSource(), apiserver.Scheme); err != nil {
		return nil, err
	}
	tokens := map[string]*user.DefaultInfo{token: {Name: "admin", Groups: []string{user.SystemPrivilegedGroup, user.AllAuthenticated}}}
	config.Authentication.Authenticator = bearertoken.New(authenticator.WrapAudienceAgnosticToken(nil, tokenfile.New(tokens)))
	config.Authorization.Authorizer = authorizerfactory.NewAlwaysAllowAuthorizer()
	config.AdmissionControl = admit
	// Without these two, server-side apply would merge without a schema.
	definitions := openapi.GetOpenAPIDefinitionsWithoutDisabledFeatures(generatedopenapi.GetOpenAPIDefinitions)
	namer := openapinamer.NewDefinitionNamer(apiserver.Scheme, scheme.Scheme)
	config.OpenAPIConfig = genericapiserver.DefaultOpenAPIConfig(definitions, namer)
	config.OpenAPIV3Config = genericapiserver.DefaultOpenAPIV3Config(definitions, namer)
	return config, nil
}
