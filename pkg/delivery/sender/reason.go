package sender

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/hookline/hookline/pkg/delivery"
)

// maxReason is the longest reason in bytes.
const maxReason = 120

// Why there was no whole answer. Beside these there are "no answer within …",
// "answered …", "redirected to another place (…)" and "the URL …" with what
// validate says of it.
const (
	reasonInterrupted = "interrupted"
	reasonURL         = "the URL cannot be requested"
	reasonHeader      = "the request has a header that cannot be sent"

	reasonNotPublic   = "address is not public"
	reasonNoName      = "name not found"
	reasonLookUp      = "name could not be looked up"
	reasonRefused     = "connection refused"
	reasonUnreachable = "address cannot be reached"
	reasonTimedOut    = "connection timed out"
	reasonNotDialled  = "could not connect"

	reasonNoTLS        = "no TLS at this port"
	reasonHandshake    = "TLS handshake failed"
	reasonHandshakeEnd = "connection closed in the TLS handshake"
	reasonExpired      = "certificate has expired"
	reasonNotYet       = "certificate is not valid yet"
	reasonOtherHost    = "certificate is for another host"
	reasonAuthority    = "certificate is of an unknown authority"
	reasonCertificate  = "certificate is not valid"

	reasonReset       = "connection reset"
	reasonClosed      = "connection closed without an answer"
	reasonBrokeOff    = "answer broke off"
	reasonMalformed   = "answer is malformed or its head is larger than 32 KiB"
	reasonUnprocessed = "HTTP/2 request refused"
	reasonStreamReset = "HTTP/2 stream reset"
)

// failure says why there is no answer. Certificates were judged at now.
func (t *try) failure(ctx context.Context, err error, now time.Time) delivery.Response {
	if t.interrupted(ctx, err) {
		return interrupted()
	}
	return failed(t.reason(err, now))
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

func (t *try) reason(err error, now time.Time) string {
	if t.late() || errors.Is(err, context.DeadlineExceeded) {
		return "no answer within " + span(t.timeout)
	}
	if errors.Is(err, errUnprocessed) {
		return reasonUnprocessed
	}
	if byPeer, reset := streamReset(err); byPeer {
		return reasonStreamReset
	} else if reset {
		return reasonMalformed
	}
	if !t.trail.connected.Load() {
		return dialReason(err, now)
	}
	ended := isAny(err, io.EOF, io.ErrUnexpectedEOF)
	reset := isAny(err, syscall.ECONNRESET, syscall.EPIPE)
	switch {
	case t.trail.responded.Load() && (ended || reset):
		return reasonBrokeOff
	case t.trail.responded.Load() || isProtocolError(err):
		return reasonMalformed
	case reset:
		return reasonReset
	case isAny(err, syscall.ETIMEDOUT):
		return reasonTimedOut
	default:
		return reasonClosed
	}
}

// dialReason says why there is no connection.
func dialReason(err error, now time.Time) string {
	var dns *net.DNSError
	var dial *net.OpError
	isDial := errors.As(err, &dial) && dial.Op == "dial"
	switch {
	case errors.Is(err, errNotPublic):
		return reasonNotPublic
	case errors.As(err, &dns) && dns.IsNotFound:
		return reasonNoName
	case dns != nil:
		return reasonLookUp
	case isAny(err, syscall.ECONNREFUSED):
		return reasonRefused
	case isAny(err, syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.EADDRNOTAVAIL, syscall.EAFNOSUPPORT):
		return reasonUnreachable
	case isTimeout(err):
		return reasonTimedOut
	case isDial && isAny(err, syscall.ECONNRESET):
		return reasonReset
	case isDial:
		return reasonNotDialled
	default:
		return handshakeReason(err, now)
	}
}

// handshakeReason says why there is no TLS on a connection that is open.
func handshakeReason(err error, now time.Time) string {
	var invalid x509.CertificateInvalidError
	var host x509.HostnameError
	var authority x509.UnknownAuthorityError
	var verification *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		if invalid.Cert != nil && invalid.Cert.NotBefore.After(now) { // one error says both
			return reasonNotYet
		}
		return reasonExpired
	case errors.As(err, &host):
		return reasonOtherHost
	case errors.As(err, &authority):
		return reasonAuthority
	case errors.As(err, &verification):
		return reasonCertificate
	case errors.As(err, &record):
		return reasonNoTLS
	case isAny(err, io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, syscall.EPIPE):
		return reasonHandshakeEnd
	default:
		return reasonHandshake
	}
}

// errUnprocessed takes the place of an error of HTTP/2 which says that the
// receiver did not look at the request: a stream was refused, or a connection
// went away (RFC 9113, section 8.7).
var errUnprocessed = errors.New("the receiver did not process the request")

// streamError is golang.org/x/net/http2.StreamError: net/http's own hands its
// fields to any type that has the same.
type streamError struct {
	StreamID uint32
	Code     uint32
	Cause    error
}

func (streamError) Error() string { return "HTTP/2 stream error" }

// fromPeer is what net/http gives as the cause when the receiver reset a
// stream, rather than net/http over something malformed.
const fromPeer = "received from peer"

// streamReset says whether an error ended a stream of HTTP/2, and not its
// connection, and whose doing that was.
func streamReset(err error) (byPeer, ok bool) {
	var reset streamError
	ok = errors.As(err, &reset)
	return ok && reset.Cause != nil && reset.Cause.Error() == fromPeer, ok
}

// isProtocolError reports whether net/http ended a connection of HTTP/2 over
// something malformed. The error is of a type that only its text tells.
func isProtocolError(err error) bool { return strings.HasPrefix(err.Error(), "connection error: ") }

func isTimeout(err error) bool {
	var timeout interface{ Timeout() bool }
	return errors.As(err, &timeout) && timeout.Timeout()
}

func isAny(err error, recipients ...error) bool {
	for _, recipient := range recipients {
		if errors.Is(err, recipient) {
			return true
		}
	}
	return false
}

// span writes a time such as "15 s" or "1500 ms".
func span(d time.Duration) string {
	if d%time.Second == 0 {
		return strconv.FormatInt(int64(d/time.Second), 10) + " s"
	}
	return strconv.FormatInt(d.Milliseconds(), 10) + " ms"
}

// bounded cuts a reason that came out too long. All are ASCII.
func bounded(reason string) string { return reason[:min(len(reason), maxReason)] }
