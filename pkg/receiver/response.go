package receiver

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Response is the response to a delivery.
type Response struct {
	Status int
	// Delay is how long to wait before responding.
	Delay time.Duration
	// RetryAfter is the Retry-After of a 429 or 503; 0 means none.
	RetryAfter time.Duration
	// Forwarded is what came of passing the delivery on; nil if it was not.
	Forwarded *Forwarded
	// Unverified means that it was not passed on because it is not verified.
	Unverified bool
}

// redirectPath is the target of a redirect: this receiver, so that a sender who
// follows it is noticed.
const redirectPath = "/redirected"

// String describes the response.
func (a Response) String() string {
	text := strings.TrimSpace(fmt.Sprintf("answer: %d %s", a.Status, http.StatusText(a.Status)))
	switch {
	case a.Unverified:
		return text + ", not passed on"
	case a.Forwarded == nil:
	case a.Forwarded.Error != nil:
		return text + ", since " + a.Forwarded.URL + " gave none: " + a.Forwarded.Error.Error()
	default:
		return text + ", from " + a.Forwarded.URL + " in " + strconv.FormatInt(a.Forwarded.Duration.Milliseconds(), 10) + "ms"
	}
	if a.retryAfter() != "" {
		text += ", Retry-After " + a.retryAfter()
	}
	if a.redirects() {
		text += ", Location " + redirectPath
	}
	if a.Delay > 0 {
		text += ", after " + a.Delay.String()
	}
	return text
}

// write sends the response.
func (a Response) write(w http.ResponseWriter) {
	if a.Forwarded != nil {
		a.Forwarded.write(w, a.Status)
		return
	}
	if after := a.retryAfter(); after != "" {
		w.Header().Set("Retry-After", after)
	}
	if a.redirects() {
		w.Header().Set("Location", redirectPath)
	}
	switch a.Status {
	case http.StatusNoContent, http.StatusResetContent, http.StatusNotModified:
		w.WriteHeader(a.Status)
	default:
		say(w, a.Status, strconv.Itoa(a.Status)+" from hookline listen")
	}
}

// retryAfter returns the header's value: whole seconds, rounded up.
func (a Response) retryAfter() string {
	if a.RetryAfter <= 0 || a.Status != http.StatusTooManyRequests && a.Status != http.StatusServiceUnavailable {
		return ""
	}
	return strconv.FormatInt(int64((a.RetryAfter+time.Second-1)/time.Second), 10)
}

func (a Response) redirects() bool {
	switch a.Status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

// say responds with one line.
func say(w http.ResponseWriter, status int, line string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = fmt.Fprintln(w, line) // ignore a sender that has hung up
}
