package sender

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hookline/hookline/pkg/validate"
)

var (
	errNotPublic = errors.New("address is not public")
	errTooMany   = errors.New("name has too many addresses")
)

// maxAddresses is how many of a name's addresses are tried at most. Whoever
// owns a name could otherwise have an attempt look at thousands of strangers'.
const maxAddresses = 16

// deadlineKey is where the context of an attempt carries its deadline to dial,
// triedKey where that of a dialling counts the addresses.
type (
	deadlineKey struct{}
	triedKey    struct{}
)

// dial opens a connection within the time of the attempt that asked for it.
// net/http detaches dialling from the request and takes its deadline away; it
// is needed all the same, to end what nobody waits for any more, and to share
// the time among several addresses.
func (c *Client) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if deadline, ok := ctx.Value(deadlineKey{}).(time.Time); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline)
		defer cancel()
	}
	ctx = context.WithValue(ctx, triedKey{}, new(atomic.Int64))
	return c.dialer.DialContext(ctx, network, c.rooted(address))
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
	if !c.cfg.AllowPrivate && !validate.PublicAddr(addr.Addr()) {
		return errNotPublic
	}
	if tried, ok := ctx.Value(triedKey{}).(*atomic.Int64); ok && tried.Add(1) > maxAddresses {
		return errTooMany
	}
	if c.cfg.Connecting != nil {
		return c.cfg.Connecting(addr)
	}
	return nil
}
