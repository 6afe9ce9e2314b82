// Package client is a client of the operator's API
// (docs/contracts/operator-api.md and operator.md, POST /events).
//
// It authenticates by a token, as a local server asks for, or signs requests
// with AWS credentials, as a deployed stack asks for. What may be repeated
// without harm is repeated a few times if its response was lost or the server
// was in trouble; what may not, such as making a token, is sent once. An error
// of the server is an [*Error].
package client

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

const (
	// maxTries is how often a request is sent that may be repeated. The pauses
	// between are random; their limit starts at firstPause and doubles.
	maxTries   = 4
	firstPause = 200 * time.Millisecond
	// tryTimeout bounds one try, callTimeout all of a call with the pauses. The
	// server gives up earlier than either.
	tryTimeout  = 40 * time.Second
	callTimeout = time.Minute
	// maxResponse bounds what is read of a response, in bytes.
	maxResponse = 32 << 20
	// signedService is what requests to API Gateway are signed for.
	signedService = "execute-api"
)

// Config configures a Client. URL is needed, and either Token or Credentials
// with Region.
type Config struct {
	// URL is where the APIs are: a local server's URL, or the stack's output
	// ApiUrl.
	URL string
	// Token is an operator's token.
	Token string
	// Credentials sign the requests, for a stack in Region.
	Credentials aws.CredentialsProvider
	Region      string
	// HTTP sends the requests; nil for a client of its own.
	HTTP *http.Client
	// Now is the clock of signatures; nil for the wall clock.
	Now func() time.Time
}

// Client calls the operator's API. It is safe for concurrent use.
type Client struct {
	cfg    Config
	base   string
	http   *http.Client
	signer *v4.Signer
	// pause waits before the next try, and reports whether ctx is still valid.
	pause func(ctx context.Context, try int) bool
}

// New makes a client. It sends nothing.
func New(cfg Config) (*Client, error) {
	base, err := url.Parse(cfg.URL)
	switch {
	case err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" || base.User != nil || base.RawQuery != "" || base.Fragment != "":
		return nil, errors.New("client: URL must be http or https with a host, such as http://127.0.0.1:8080")
	case (cfg.Token == "") == (cfg.Credentials == nil):
		return nil, errors.New("client: give either Token or Credentials")
	case cfg.Credentials != nil && cfg.Region == "":
		return nil, errors.New("client: Credentials need Region")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	c := &Client{cfg: cfg, base: strings.TrimSuffix(base.String(), "/"), http: &http.Client{}, signer: v4.NewSigner(), pause: pause}
	if cfg.HTTP != nil {
		own := *cfg.HTTP
		c.http = &own
	}
	// The API redirects nowhere; credentials go to no other host.
	c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return c, nil
}

// call is one call of the API.
type call struct {
	method, path string
	query        url.Values
	body         any
	// member is what the response must have, as another server's may not. It is
	// empty where the response has no body.
	member string
	// repeatable says that sending it twice is as good as once.
	repeatable bool
	// removes says that a second try finds nothing if the first was carried out.
	removes bool
}

// do makes a call and decodes its response into into, unless that has no body.
func (c *Client) do(ctx context.Context, what call, into any) error {
	ctx, cancel := within(ctx, callTimeout)
	defer cancel()
	var content []byte
	if what.body != nil {
		var body bytes.Buffer
		encoder := json.NewEncoder(&body)
		encoder.SetEscapeHTML(false) // a payload keeps its spelling
		if err := encoder.Encode(what.body); err != nil {
			return fmt.Errorf("%s %s: %w", what.method, what.path, err)
		}
		content = body.Bytes()
	}
	unknown := false // whether an earlier try was carried out
	for try := 1; ; try++ {
		status, body, err := c.try(ctx, what, content)
		if err == nil {
			err = decode(what.member, status, body, into)
		}
		var refused *Error
		answered := errors.As(err, &refused)
		switch {
		case err == nil:
			return nil
		case answered && what.removes && unknown && refused.Status == http.StatusNotFound:
			return nil
		case try == maxTries || !again(what, refused) || !c.pause(ctx, try):
			return fmt.Errorf("%s %s: %w", what.method, what.path, err)
		}
		unknown = unknown || !answered || refused.Status != http.StatusTooManyRequests
	}
}

// again reports whether a call that failed may be made again: one that was
// refused because there were too many, and otherwise one that may be repeated,
// if it had no response or the server was in trouble.
func again(what call, refused *Error) bool {
	if refused == nil {
		return what.repeatable
	}
	return refused.Status == http.StatusTooManyRequests || what.repeatable && refused.Status >= http.StatusInternalServerError
}

// within bounds ctx. The error of what takes longer says how long that was.
func within(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, timeout, fmt.Errorf("no response within %v: %w", timeout, context.DeadlineExceeded))
}

// pause waits before the next try, and reports whether ctx is still valid.
func pause(ctx context.Context, try int) bool {
	timer := time.NewTimer(rand.N(firstPause << try))
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// try sends a request once and reads its response.
func (c *Client) try(ctx context.Context, what call, content []byte) (status int, body []byte, err error) {
	ctx, cancel := within(ctx, tryTimeout)
	defer cancel()
	target := c.base + what.path
	if len(what.query) > 0 {
		target += "?" + what.query.Encode()
	}
	r, err := http.NewRequestWithContext(ctx, what.method, target, bytes.NewReader(content))
	if err != nil {
		return 0, nil, err
	}
	if what.body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if err := c.authorize(ctx, r, content); err != nil {
		return 0, nil, err
	}
	response, err := c.http.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = response.Body.Close() }()
	body, err = io.ReadAll(io.LimitReader(response.Body, maxResponse))
	if err != nil {
		return response.StatusCode, nil, fmt.Errorf("read the response: %w", err)
	}
	return response.StatusCode, body, nil
}

// authorize adds the token or a signature.
func (c *Client) authorize(ctx context.Context, r *http.Request, content []byte) error {
	if c.cfg.Credentials == nil {
		r.Header.Set("Authorization", "Bearer "+c.cfg.Token)
		return nil
	}
	credentials, err := c.cfg.Credentials.Retrieve(ctx)
	if err != nil {
		return fmt.Errorf("get AWS credentials: %w", err)
	}
	digest := sha256.Sum256(content)
	return c.signer.SignHTTP(ctx, credentials, r, hex.EncodeToString(digest[:]), signedService, c.cfg.Region, c.cfg.Now())
}

// decode decodes a response into into, or returns the error that it is. A
// success has the member, or no content.
func decode(member string, status int, body []byte, into any) error {
	if status < 200 || status > 299 {
		return newError(status, body)
	}
	var err error
	switch members := map[string]json.RawMessage{}; {
	case member == "" && status == http.StatusNoContent:
		return nil
	case member == "":
		err = fmt.Errorf("it should be %d", http.StatusNoContent)
	default:
		err = cmp.Or(json.Unmarshal(body, &members), json.Unmarshal(body, into))
		if value := string(members[member]); err == nil && (value == "" || value == "null" || value == `""`) {
			err = fmt.Errorf("%q is missing", member)
		}
	}
	if err != nil {
		return fmt.Errorf("the response %d is not as described: %w", status, err)
	}
	return nil
}
