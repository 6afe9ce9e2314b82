package receiver

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Response is what a delivery is answered with.
type Response struct {
	Status int
	// Delay is waited before.
	Delay time.Duration
	// RetryAfter is asked for with a 429 or 503; 0 for none.
	RetryAfter time.Duration
}

// redirectPath is where a redirect leads: back here, so that a sender who
// follows it is seen doing so.
const redirectPath = "/redirected"

// String says what the answer is.
func (a Response) String() string {
	text := strings.TrimSpace(fmt.Sprintf("answer: %d %s", a.Status, http.StatusText(a.Status)))
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

// write sends the answer.
func (a Response) write(w http.ResponseWriter) {
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

// retryAfter is the header's value: whole seconds, rounded up.
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

// say answers with one line.
func say(w http.ResponseWriter, status int, line string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = fmt.Fprintln(w, line) // the sender may have hung up, which is its affair
}
