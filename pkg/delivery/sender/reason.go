package sender

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/hookline/hookline/pkg/delivery"
)

// maxReason is the longest reason in bytes.
const maxReason = 120

// Why there was no complete answer: each is something that the receiver's owner
// or the operator can act on. Beside these there are "no answer within …",
// "answered …", "redirected to another place (…)" and "the URL …" with what
// validate says of it.
const (
	reasonInterrupted = "interrupted"
	reasonRequest     = "the request cannot be sent"

	reasonNotPublic = "address is not public"
	reasonName      = "name could not be resolved"
	reasonConnect   = "could not connect"

	reasonTLS        = "TLS handshake failed"
	reasonExpired    = "certificate has expired or is not valid yet"
	reasonOtherHost  = "certificate is for another host"
	reasonUntrusted  = "certificate is not trusted"
	reasonClientCert = "receiver asks for a client certificate"

	reasonClosed    = "connection closed without a valid answer"
	reasonMalformed = "answer is malformed, incomplete or has a head larger than 32 KiB"
)

// failure says why there is no answer.
func (t *try) failure(ctx context.Context, err error) delivery.Response {
	if t.interrupted(ctx, err) {
		return interrupted()
	}
	return failed(t.reason(err))
}

// interrupted reports whether an attempt was cut off for a cause of our own.
// What a connection needs of an address, such as a local port, is not among
// the causes: a receiver could choose the address so that there is never one.
func (t *try) interrupted(ctx context.Context, err error) bool {
	return ctx.Err() != nil || (t.late() && !t.ours) || exhausted(err)
}

// exhausted reports whether this machine lacked what a connection takes. Of an
// error that kept a name from being looked up, net leaves nothing but its text.
func exhausted(err error) bool {
	var dns *net.DNSError
	lookUp := errors.As(err, &dns)
	for _, want := range []syscall.Errno{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM} {
		if errors.Is(err, want) || lookUp && strings.HasSuffix(dns.Err, want.Error()) {
			return true
		}
	}
	return false
}

// late reports whether the time is over.
func (t *try) late() bool { return !time.Now().Before(t.deadline) }

// reason goes by how far the request came and by the types of errors, never by
// their text, which is net/http's to change.
func (t *try) reason(err error) string {
	switch {
	case t.late() || errors.Is(err, context.DeadlineExceeded):
		return "no answer within " + span(t.timeout)
	case !t.trail.responded.Load() && t.trail.dialling.Load().certificate.Load():
		return reasonClientCert // TLS 1.3 says so after its handshake, if at all
	case !t.trail.connected.Load():
		return connectReason(err)
	case t.trail.responded.Load():
		return reasonMalformed
	default:
		return reasonClosed
	}
}

// connectReason says why there is no connection, or no TLS on one.
func connectReason(err error) string {
	var (
		dns         *net.DNSError
		dial        *net.OpError
		certificate *tls.CertificateVerificationError
		invalid     x509.CertificateInvalidError
		host        x509.HostnameError
	)
	switch {
	case errors.Is(err, errNotPublic):
		return reasonNotPublic
	case errors.As(err, &dns):
		return reasonName
	case errors.As(err, &dial) && dial.Op == "dial":
		return reasonConnect
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired: // not valid yet, too
		return reasonExpired
	case errors.As(err, &host):
		return reasonOtherHost
	case errors.As(err, &certificate):
		return reasonUntrusted
	default:
		return reasonTLS
	}
}

// errUnprocessed takes the place of the error of a request that net/http would
// send again: a stream of HTTP/2 was refused, or the connection went away (RFC
// 9113, section 8.7). Not among these is a new connection that goes away with
// an error: net/http expects no more of the next one.
var errUnprocessed = errors.New("the receiver did not process the request")

// streamError is golang.org/x/net/http2.StreamError: net/http's own hands its
// fields to any type that has the same.
type streamError struct {
	StreamID uint32
	Code     uint32
	Cause    error
}

func (streamError) Error() string { return "HTTP/2 stream error" }

// streamReset reports whether an error ended a stream of HTTP/2, and not its
// connection.
func streamReset(err error) bool { return errors.As(err, new(streamError)) }

// span writes a time such as "15 s" or "1500 ms".
func span(d time.Duration) string {
	if d%time.Second == 0 {
		return strconv.FormatInt(int64(d/time.Second), 10) + " s"
	}
	return strconv.FormatInt(d.Milliseconds(), 10) + " ms"
}

// bounded cuts a reason that came out too long. All are ASCII.
func bounded(reason string) string { return reason[:min(len(reason), maxReason)] }
