package sender

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/hookline/hookline/pkg/delivery"
)

// maxRetryAfter is the longest wait that a receiver can ask for.
const maxRetryAfter = 24 * time.Hour

// checkResponse reads the body of an answer and says what it amounts to.
func (c *Client) checkResponse(ctx context.Context, t *try, response *http.Response) delivery.Response {
	err := drain(response)
	status := response.StatusCode
	switch {
	case status < 100:
		return failed(reasonMalformed) // three digits, but no status (RFC 9110, section 15)
	case status < 200 || status > 299:
		return delivery.Response{
			Status:     status,
			Reason:     statusReason(status),
			RetryAfter: retryAfter(response.Header.Get("Retry-After"), c.cfg.Now()),
		}
	case err == nil:
		return delivery.Response{Status: status}
	case t.interrupted(ctx, err):
		return interrupted()
	default:
		return failed("answered " + strconv.Itoa(status) + ", but its body was incomplete")
	}
}

// drain reads a body to its end or to the limit, and closes it. One that was
// read to its end leaves its connection for the next attempt. Another is closed
// behind the attempt's back: to tell an HTTP/2 receiver what was not read may
// take until its connection is given up.
func drain(response *http.Response) error {
	var err error
	if response.StatusCode >= 200 { // 101: what follows is another protocol, without a deadline
		if _, err = io.CopyN(io.Discard, response.Body, maxBody); errors.Is(err, io.EOF) {
			_ = response.Body.Close() // nothing more is wanted of it
			return nil
		}
	}
	go response.Body.Close() // nor of this one
	return err
}

func statusReason(status int) string {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return "redirected to another place (" + strconv.Itoa(status) + ")"
	}
	return "answered " + strconv.Itoa(status)
}

// retryAfter reads a Retry-After: whole seconds or a date (RFC 9110, section
// 10.2.3). What is neither, or past, is 0.
func retryAfter(value string, now time.Time) time.Duration {
	if value == "" {
		return 0
	}
	if strings.Trim(value, "0123456789") == "" {
		seconds, err := strconv.ParseInt(value, 10, 64)
		if err != nil || seconds > int64(maxRetryAfter/time.Second) { // more than fits is long, too
			return maxRetryAfter
		}
		return time.Duration(seconds) * time.Second
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	return min(max(at.Sub(now), 0), maxRetryAfter)
}

func failed(reason string) delivery.Response { return delivery.Response{Reason: reason} }

func interrupted() delivery.Response {
	return delivery.Response{Reason: reasonInterrupted, Interrupted: true}
}
