package sender

import (
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

// checkResponse says what an answer amounts to by its status line and headers.
// Whatever becomes of the body then, the receiver has answered.
func (c *Client) checkResponse(response *http.Response) delivery.Response {
	body := drain(response)
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
	}
	return delivery.Response{Status: status}
}

// drain reads a body to its end or to the limit, and closes it. It returns how
// the body began, as much as is kept of one. A body that was read to its end
// leaves its connection for the next attempt. Any other ends its connection, or
// its stream of HTTP/2, and is closed behind the attempt's back: to tell an
// HTTP/2 receiver what was not read may take until its connection is given up.
func drain(response *http.Response) string {
	var begin strings.Builder
	if response.StatusCode >= 200 { // 101: what follows is another protocol, without a deadline
		_, err := io.CopyN(&begin, response.Body, webhook.MaxKeptResponse)
		if err == nil {
			_, err = io.CopyN(io.Discard, response.Body, maxBody-webhook.MaxKeptResponse)
		}
		if errors.Is(err, io.EOF) {
			_ = response.Body.Close() // nothing more is wanted of it
			return begin.String()
		}
	}
	go response.Body.Close() // nor of this one
	return begin.String()
}

func statusReason(status int) string {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return "redirected to another place (" + strconv.Itoa(status) + ")"
	}
	return webhook.ReasonStatus(status)
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
