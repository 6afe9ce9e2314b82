// Package sender makes delivery attempts over HTTP, to URLs that strangers
// chose and to receivers that may be broken or hostile.
//
// What it guarantees of an attempt:
//   - It connects to no address that validate.PublicAddr does not call public,
//     unless private targets are allowed, or the network that it is in. The
//     address is checked at the moment it is dialled, so that it makes no
//     difference what a name resolved to before, or how an address was written.
//   - The URL is checked again by the present policy, whichever it was
//     registered under. No redirect is followed, and no proxy of the
//     environment is used.
//   - All of it, from the look-up of the name to the last byte that is read,
//     ends within the request's time. At most 32 KiB of the answer's head and
//     4 KiB of its body are read, and nothing is ever decompressed.
//   - Its reason is one of a fixed set of phrases, at most 120 bytes long. Of
//     what the receiver sent it holds the status code and nothing else; it
//     never holds an address, a name or any part of the URL.
//
// An answer is judged by its status line and headers: success is a 2xx whose
// head came whole. The receiver has answered then, whatever becomes of the body:
// one that breaks off, is malformed, takes too long or is larger than 4 KiB
// costs its connection and nothing else.
//
// Connections are kept for 30 seconds unused. One leads for all its life to the
// address that was checked when it was dialled: whatever its name resolves to
// by now, it reaches nobody who was not checked, and a name that has moved is
// followed when the connection ends. One that was kept may be dead by the time
// it is used: receivers close them, and a function is frozen between two calls.
// So where a kept connection ends before any byte of an answer, the request is
// sent again, on a new connection and within the same time. The receiver may
// get it twice then, under the same webhook-id, as it may anyway. A request that
// a receiver of HTTP/2 says it did not process is sent again as well (RFC 9113,
// section 8.7), whichever connection it was made on. All that happens at most
// twice in an attempt.
//
// What a receiver sends unasked on a kept connection net/http writes to the
// standard logger of package log, which it cannot be told not to.
// FilterUnsolicited keeps it out of a program's log.
package sender

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/validate"
)

// Limits of an answer, and of what is kept between attempts.
const (
	maxHead = 32 << 10
	maxBody = 4 << 10
	// maxIdle is how long a connection is kept unused.
	maxIdle = 30 * time.Second
	// maxIdleConns and maxIdleConnsPerHost let a few hundred attempts at once
	// find a connection each, and stay below the 1,024 files that a Lambda
	// function may have open (AWS Lambda Developer Guide, "Lambda quotas").
	maxIdleConns        = 512
	maxIdleConnsPerHost = 256
	// maxRepeats is how often an attempt sends its request again at most.
	maxRepeats = 2
	// maxHandshake bounds a TLS handshake that goes on after its attempt is
	// over, as net/http lets it.
	maxHandshake = 15 * time.Second
)

// Config is what a Client is made of. The zero value is the strictest.
type Config struct {
	// Version is what User-Agent shows after "Hookline/"; empty for nothing.
	Version string
	// AllowHTTP delivers to http URLs as well as to https.
	AllowHTTP bool
	// AllowPrivate delivers to any address and any port: a setting for
	// development.
	AllowPrivate bool
	// AllowNetworks are delivered to as well as public addresses.
	AllowNetworks validate.Networks
	// Resolver looks names up; nil is the system's.
	Resolver *net.Resolver
	// Roots are the authorities whose certificates are accepted; nil is the
	// system's.
	Roots *x509.CertPool
	// Now is the time by which certificates and Retry-After are checked; nil is
	// time.Now.
	Now func() time.Time
	// Connecting, unless nil, is told of every address just before a
	// connection to it is opened, after it was checked. An error stops that.
	Connecting func(netip.AddrPort) error
}

// Client makes attempts. It is a delivery.Sender, and safe for concurrent use.
type Client struct {
	cfg    Config
	agent  []string
	dialer net.Dialer
	// pool keeps connections; fresh opens a new one for each request.
	pool, fresh *http.Transport
	// active is when an attempt last began or ended, in Unix nanoseconds.
	active atomic.Int64
}

var _ delivery.Sender = (*Client)(nil)

// New gives a client.
func New(cfg Config) *Client {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	c := &Client{cfg: cfg, agent: []string{"Hookline"}}
	if cfg.Version != "" {
		c.agent[0] += "/" + cfg.Version
	}
	c.dialer = net.Dialer{Resolver: cfg.Resolver, ControlContext: c.checkAddr}
	c.pool, c.fresh = c.transport(), c.transport()
	c.fresh.DisableKeepAlives = true
	return c
}

// transport gives a transport that asks for no compression, uses no proxy and
// has no limit of connections to a host: fairness is the queue's.
func (c *Client) transport() *http.Transport {
	return &http.Transport{
		DialContext: c.dial,
		TLSClientConfig: &tls.Config{
			MinVersion:         tls.VersionTLS12,
			RootCAs:            c.cfg.Roots,
			Time:               c.cfg.Now,
			ClientSessionCache: tls.NewLRUClientSessionCache(maxIdleConns),
			// There is none; to be asked for one may explain what follows.
			GetClientCertificate: noCertificate,
		},
		TLSHandshakeTimeout:    maxHandshake,
		DisableCompression:     true,
		MaxIdleConns:           maxIdleConns,
		MaxIdleConnsPerHost:    maxIdleConnsPerHost,
		IdleConnTimeout:        maxIdle,
		MaxResponseHeaderBytes: maxHead,
		ForceAttemptHTTP2:      true,
		HTTP2: &http.HTTP2Config{
			// What a receiver may send unasked is held in memory: 64 KiB is the
			// least a connection can be given, and a stream needs little more
			// than is read of it.
			MaxReceiveBufferPerConnection: 64 << 10,
			MaxReceiveBufferPerStream:     4 * maxBody,
			// A connection that died without a word is found within 3 seconds:
			// sooner than any API's attempt is over.
			SendPingTimeout: 2 * time.Second,
			PingTimeout:     time.Second,
		},
	}
}

// Close closes the connections that are kept. Attempts under way go on, and
// what they leave is closed when it was idle for 30 seconds.
func (c *Client) Close() {
	c.pool.CloseIdleConnections()
	c.fresh.CloseIdleConnections()
}

// Send makes one attempt. The request's body must not be changed any more,
// even when Send has returned.
func (c *Client) Send(ctx context.Context, r delivery.Request) delivery.Response {
	recipient, reason := c.parseURL(r)
	if reason != "" {
		return failed(reason)
	}
	if !sendable(r.Header) {
		return failed(reasonRequest)
	}
	c.dropStale()
	defer func() { c.active.Store(c.cfg.Now().UnixNano()) }()

	t := newTry(ctx, r.Timeout)
	limited, cancel := context.WithDeadline(ctx, t.deadline)
	defer cancel()
	response, err := c.pool.RoundTrip(c.request(t.trace(limited), recipient, r)) //nolint:bodyclose // checkResponse closes it
	for n := 0; n < maxRepeats && err != nil && t.repeatable(err) && limited.Err() == nil; n++ {
		response, err = c.fresh.RoundTrip(c.request(t.trace(limited), recipient, r)) //nolint:bodyclose // the same
	}
	if err != nil {
		return t.failure(ctx, err)
	}
	return c.checkResponse(response)
}

// parseURL gives the URL as it is requested, or why it is not.
func (c *Client) parseURL(r delivery.Request) (recipient *url.URL, reason string) {
	policy := validate.URLPolicy{AllowHTTP: c.cfg.AllowHTTP, AllowPrivate: c.cfg.AllowPrivate, AllowNetworks: c.cfg.AllowNetworks}
	if len(r.Ports) > 0 {
		policy.Ports = r.Ports
	}
	if err := policy.URL(r.URL); err != nil {
		var invalid *validate.Error
		if errors.As(err, &invalid) && invalid.Reason == validate.PrivateAddress {
			return nil, reasonNotPublic
		}
		return nil, bounded("the URL " + err.Error()) // a validate.Error repeats no part of it
	}
	ascii, err := validate.ASCII(r.URL)
	if err != nil {
		return nil, reasonRequest
	}
	if recipient, err = url.Parse(ascii); err != nil {
		return nil, reasonRequest
	}
	return recipient, ""
}

// dropStale closes the connections that are kept if none was used for as long
// as one may be kept. It goes by wall clock: the timers that would have closed
// them stand still while a function is frozen.
func (c *Client) dropStale() {
	now := c.cfg.Now().UnixNano()
	last := c.active.Swap(now)
	if last != 0 && time.Duration(now-last) > maxIdle {
		c.pool.CloseIdleConnections()
	}
}
