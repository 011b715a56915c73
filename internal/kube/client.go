package kube

import (
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"k8s.io/client-go/rest"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
)

// Manager is the field manager that every write of this program carries.
const Manager = "hedgesync"

const (
	defaultTimeout  = 15 * time.Second
	dialTimeout     = 5 * time.Second
	pingAfter       = 15 * time.Second // silence on a connection before it is probed
	pingTimeout     = 5 * time.Second
	idleTimeout     = 90 * time.Second
	defaultMaxBytes = 512 << 20
	maxInFlight     = 8 // more gains nothing: four fill two cores of an API server
)

// Options are what a Client needs besides the cluster's settings. The zero value
// is right for production.
type Options struct {
	Timeout       time.Duration    // of one request; 0 is 15 s
	UserAgent     string           // "" is "hedgesync"
	AllowInsecure bool             // accept a kubeconfig that does not verify the server
	MaxBytes      int64            // longest answer accepted, decompressed; 0 is 512 MiB
	PageSize      int              // objects per page of a list; 0 is 10,000
	Now           func() time.Time // nil is time.Now
}

func (o Options) withDefaults() Options {
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	if o.UserAgent == "" {
		o.UserAgent = Manager
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = defaultMaxBytes
	}
	if o.PageSize == 0 {
		o.PageSize = defaultPageSize
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// Client talks to one fabric's Kubernetes API. It is safe for concurrent use and
// shares its connections, the pace of writes and the schemas it has read.
type Client struct {
	options Options
	base    *url.URL
	http    *http.Client
	config  *rest.Config
	raw     *http.Transport
	pace    *pace
	library library
	offer   atomic.Pointer[catalogue]
}

// New makes a client from a kubeconfig's content. It contacts nobody. A
// kubeconfig that refers to files, runs programs it may not, or skips
// verification is refused with a hint. Close the client when done.
func New(c fabric.Cluster, o Options) (*Client, error) {
	o = o.withDefaults()
	config, err := configOf(c, o)
	if err != nil {
		return nil, err
	}
	base, err := url.Parse(config.Host)
	if err != nil {
		return nil, refuse("kube.server", "the kubeconfig's server address is not a plain URL")
	}
	config.UserAgent = o.UserAgent
	config.QPS = -1 // the default of 5 requests per second is far below what a server takes
	config.WarningHandlerWithContext = rest.NoWarnings{}
	transport, err := transportOf(config)
	if err != nil {
		return nil, err
	}
	wrapped, err := rest.HTTPWrappersForConfig(config, discreet{transport})
	if err != nil {
		return nil, refuse("kube.credentials", "the kubeconfig's credentials are not usable")
	}
	client := &http.Client{Transport: bounded{wrapped, o.MaxBytes}, CheckRedirect: refuseRedirect}
	return &Client{options: o, base: base, http: client, config: config, raw: transport, pace: newPace(maxInFlight)}, nil
}

// transportOf builds a transport of the client's own: the library's cache would
// keep one for every set of credentials ever used. It takes a proxy from the
// kubeconfig only, never from the environment.
func transportOf(config *rest.Config) (*http.Transport, error) {
	tls, err := rest.TLSConfigFor(config)
	if err != nil {
		return nil, refuse("kube.credentials", "the kubeconfig's CA, certificate or key is not valid PEM").
			WithHint("embed the files anew: kubectl config view --raw --flatten --minify")
	}
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: pingAfter}
	return &http.Transport{
		Proxy:               config.Proxy,
		DialContext:         dialer.DialContext,
		TLSClientConfig:     tls,
		TLSHandshakeTimeout: dialTimeout,
		ForceAttemptHTTP2:   true,
		HTTP2:               &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingTimeout},
		MaxIdleConnsPerHost: maxInFlight,
		IdleConnTimeout:     idleTimeout,
	}, nil
}

// refuseRedirect keeps credentials from following a redirect elsewhere.
func refuseRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// Address returns the server's URL.
func (c *Client) Address() string { return c.base.String() }

// Close drops the client's idle connections.
func (c *Client) Close() { c.raw.CloseIdleConnections() }

func wrap(op string, err error) error { return fault.Wrap(op, err) }
