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
	"github.com/hookline/hookline/pkg/webhook"
)

// maxRetryAfter is the longest wait that a receiver can ask for.
const maxRetryAfter = 24 * time.Hour

// checkResponse reads the body of an answer and says what it amounts to.
func (c *Client) checkResponse(ctx context.Context, t *try, response *http.Response) delivery.Response {
	body, err := drain(response)
	status := response.StatusCode
	switch {
	case status < 100:
		return failed(reasonMalformed) // three digits, but no status (RFC 9110, section 15)
	case status < 200 || status > 299:
		return delivery.Response{
			Status:     status,
			Reason:     statusReason(status),
			Body:       body,
			RetryAfter: retryAfter(response.Header.Get("Retry-After"), c.cfg.Now()),
		}
	case err == nil:
		return delivery.Response{Status: status}
	case t.interrupted(ctx, err):
		return interrupted()
	default:
		return delivery.Response{Reason: "answered " + strconv.Itoa(status) + ", but its body was incomplete", Body: body}
	}
}

// drain reads a body to its end or to the limit, and closes it. It returns how
// it began, as much as is kept of one. A body that was read to its end leaves
// its connection for the next attempt. Another is closed behind the attempt's
// back: to tell an HTTP/2 receiver what was not read may take until its
// connection is given up.
func drain(response *http.Response) (string, error) {
	var begin strings.Builder
	if response.StatusCode < 200 { // 101: what follows is another protocol, without a deadline
		go response.Body.Close() // nothing is wanted of it
		return "", nil
	}
	_, err := io.CopyN(&begin, response.Body, webhook.MaxKeptResponse)
	if err == nil {
		_, err = io.CopyN(io.Discard, response.Body, maxBody-webhook.MaxKeptResponse)
	}
	if errors.Is(err, io.EOF) {
		_ = response.Body.Close() // nothing more is wanted of it
		return begin.String(), nil
	}
	go response.Body.Close() // nor of this one
	return begin.String(), err
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
