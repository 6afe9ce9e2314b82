package sender

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

var (
	errNotPublic = errors.New("address is not public")
	errTooMany   = errors.New("name has too many addresses")
	// errNoDialling would be net/http dialling for no request.
	errNoDialling = errors.New("nobody asked for a connection")
)

// maxAddresses is how many of a name's addresses are tried at most. Whoever
// owns a name could otherwise have an attempt look at thousands of strangers'.
const maxAddresses = 16

// maxDials is how many connections net/http may open for a request without a
// pause. It opens another whenever the last one has no stream left: by requests
// beside this one, which may take what was opened for it, or by a receiver that
// allows none, which would otherwise be dialled as often as there is time. The
// first pause is firstPause, and each after it twice as long: 15 seconds have room
// for thirteen connections.
const (
	maxDials   = 3
	firstPause = 10 * time.Millisecond
)

// diallingKey is where the context of a request carries its dialling.
type diallingKey struct{}

// dialling is the opening of connections for one request. It stays with each of
// them, which another request may get.
type dialling struct {
	deadline time.Time
	// over is closed when the request has ended.
	over <-chan struct{}
	// dials counts the connections, and tried the addresses.
	dials, tried atomic.Int64
	// certificate reports whether the receiver asked for a client certificate.
	certificate atomic.Bool
}

// dialled is a connection that knows its dialling.
type dialled struct {
	net.Conn
	*dialling
}

// Write says that all was written when the receiver has closed the connection:
// it may have answered before, and net/http would not read that after an error.
// If it has not, reading ends at once.
func (d dialled) Write(b []byte) (int, error) {
	n, err := d.Conn.Write(b)
	if errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) {
		return len(b), nil
	}
	return n, err
}

// diallingOf gives the dialling of a connection, with or without TLS.
func diallingOf(c net.Conn) *dialling {
	if secure, ok := c.(*tls.Conn); ok {
		c = secure.NetConn()
	}
	if d, ok := c.(dialled); ok {
		return d.dialling
	}
	return nil
}

// noCertificate notes that a receiver asks for a client certificate.
func noCertificate(info *tls.CertificateRequestInfo) (*tls.Certificate, error) {
	if d, ok := info.Context().Value(diallingKey{}).(*dialling); ok {
		d.certificate.Store(true)
	}
	return new(tls.Certificate), nil
}

// dial opens a connection within the time of the attempt that asked for it.
// net/http detaches dialling from the request and takes its deadline away; it
// is needed all the same, to end what nobody waits for any more, and to share
// the time among several addresses.
func (c *Client) dial(ctx context.Context, network, address string) (net.Conn, error) {
	d, ok := ctx.Value(diallingKey{}).(*dialling)
	if !ok {
		return nil, errNoDialling
	}
	if err := d.pause(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithDeadline(ctx, d.deadline)
	defer cancel()
	conn, err := c.dialer.DialContext(ctx, network, c.rooted(address))
	if err != nil {
		return nil, err
	}
	return dialled{conn, d}, nil
}

// pause waits before another connection, if there were many. It returns an error
// if the request ends meanwhile.
func (d *dialling) pause() error {
	n := d.dials.Add(1) - maxDials
	if n <= 0 {
		return nil
	}
	timer := time.NewTimer(firstPause << min(n-1, 20))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-d.over:
		return context.Canceled
	}
}

// rooted ends a name with a dot, so that it is looked up as it is and never
// with a domain of this machine's search list behind it. In development such
// names may be meant.
func (c *Client) rooted(address string) string {
	host, port, err := net.SplitHostPort(address)
	if _, notAddr := netip.ParseAddr(host); err != nil || notAddr == nil || c.cfg.AllowPrivate || strings.HasSuffix(host, ".") {
		return address
	}
	return net.JoinHostPort(host+".", port)
}

// checkAddr is asked by net.Dialer about every address once its socket is made and
// before it is connected: of each address that a name has, in whichever order
// and however many at once. Nothing lies between this check and the
// connection.
func (c *Client) checkAddr(ctx context.Context, network, address string, _ syscall.RawConn) error {
	addr, err := netip.ParseAddrPort(address)
	if err != nil || (network != "tcp4" && network != "tcp6") {
		return errNotPublic
	}
	if !c.cfg.AllowPrivate && !c.cfg.AllowNetworks.Allow(addr.Addr()) {
		return errNotPublic
	}
	if d, ok := ctx.Value(diallingKey{}).(*dialling); !ok || d.tried.Add(1) > maxAddresses {
		return errTooMany
	}
	if c.cfg.Connecting != nil {
		return c.cfg.Connecting(addr)
	}
	return nil
}
