package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/seal"
	"github.com/hookline/hookline/pkg/validate"
	"github.com/hookline/hookline/pkg/webhook"
)

const (
	// customerTimeout bounds a request to a customer's API.
	customerTimeout = 30 * time.Second
	// customerTokenLife is how long the token of a customerAPI is valid at most.
	customerTokenLife = 10 * time.Minute
	// maxCustomerResponse is the maximum size in bytes of a response that is read.
	maxCustomerResponse = 64 << 10
)

// customerAPI is an account's own API, as its customer calls it, with a token
// that ends with it.
type customerAPI struct {
	account accountName
	http    *http.Client
	url     string
	token   string
	// key is the account's signing key, which only the data itself tells; zero
	// if there is none.
	key webhook.Secret
	// newKey reports whether the account's key may be made: it has none.
	newKey bool
	close  func(context.Context) error
}

// errKeyUnknown means that the account has a key, perhaps, that is not shown.
var errKeyUnknown = errors.New("the signing key belongs to the account and is shown only when it is renewed; give it with --key @FILE, or use --data")

// Register registers a URL for an event and returns the key that deliveries are
// signed with.
func (c *customerAPI) Register(ctx context.Context, event, url string) (webhook.Secret, error) {
	how := c.account.api.Registering
	key := c.key
	if how.KeyPath != "" && key.Reveal() == "" && c.newKey {
		content, err := c.post(ctx, how.KeyPath, nil)
		if err != nil {
			return webhook.Secret{}, err
		}
		if key, err = keyIn(content, how.KeyField); err != nil {
			return webhook.Secret{}, err
		}
	}
	content, err := c.post(ctx, c.account.api.Example.Path, how.Body(event, url))
	if err != nil || how.KeyPath != "" {
		return key, err
	}
	return keyIn(content, how.KeyField)
}

// post sends a request and returns the body of a successful response.
func (c *customerAPI) post(ctx context.Context, path string, body any) ([]byte, error) {
	sent := []byte("{}")
	if body != nil {
		var err error
		if sent, err = json.Marshal(body, json.Deterministic(true)); err != nil {
			return nil, err
		}
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url+path, bytes.NewReader(sent))
	if err != nil {
		return nil, err
	}
	name, prefix, _ := strings.Cut(c.account.api.Example.TokenHeader, ": ")
	r.Header.Set(name, prefix+c.token)
	r.Header.Set("Content-Type", "application/json")
	response, err := c.http.Do(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(io.LimitReader(response.Body, maxCustomerResponse))
	switch {
	case err != nil:
		return nil, fmt.Errorf("POST %s: %w", path, err)
	case response.StatusCode/100 != 2:
		return nil, fmt.Errorf("the API refused POST %s with status %d: %s", path, response.StatusCode, content)
	}
	return content, nil
}

// keyIn returns the signing key in a response. No error quotes the response.
func keyIn(content []byte, field []string) (webhook.Secret, error) {
	for _, name := range field {
		var object map[string]jsontext.Value
		if err := json.Unmarshal(content, &object); err != nil {
			return webhook.Secret{}, errors.New("the API's response is no JSON object")
		}
		content = object[name]
	}
	var key string
	if err := json.Unmarshal(content, &key); err != nil || key == "" {
		return webhook.Secret{}, fmt.Errorf("the API's response has no %s", strings.Join(field, "."))
	}
	return webhook.NewSecret(key), nil
}

// CustomerAPI serves the API in this process. The token is in memory only.
func (b storeBackend) CustomerAPI(ctx context.Context, account accountName) (*customerAPI, error) {
	info, err := b.Store.Account(ctx, account.Account)
	if err != nil {
		return nil, err
	}
	sealing, err := sealingKey(ctx, b.Store, b.p.flags.Data, b.p.now)
	if err != nil {
		return nil, err
	}
	sealer, err := seal.NewSealer(sealing.ID(), sealing.Public(), b.p.now)
	if err != nil {
		return nil, err
	}
	secret, record, err := b.p.newToken(account.Account, webhook.AllRights)
	if err != nil {
		return nil, err
	}
	handler, err := account.api.New(api.Setup{
		Store: tokenStore{b.Store, record}, Sealer: sealer, Keys: b.p.keys, Now: b.p.now, Log: slog.New(slog.DiscardHandler),
		// What the server delivers to is its own setting.
		URLs: validate.URLPolicy{AllowHTTP: true, AllowPrivate: true}, Getenv: b.p.getenv, Deadline: b.p.timeouts.request,
	})
	if err != nil {
		return nil, err
	}
	c := &customerAPI{
		account: account, http: &http.Client{Transport: inProcess{handler}}, url: "http://" + string(account.API), token: secret.Reveal(),
		newKey: len(info.SealedKey) == 0,
		close:  func(context.Context) error { return nil },
	}
	if len(info.SealedKey) > 0 {
		opener, err := b.opener(ctx)
		if err != nil {
			return nil, err
		}
		if c.key, err = opener.Open(ctx, seal.AccountKey(account.Account), info.SealedKey); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// tokenStore is a store with one more token, which it does not store.
type tokenStore struct {
	api.Store
	token webhook.Token
}

func (s tokenStore) Token(ctx context.Context, hash webhook.TokenHash) (webhook.Token, error) {
	if hash == s.token.Hash {
		return s.token, nil
	}
	return s.Store.Token(ctx, hash)
}

// inProcess is a handler as the other end of an HTTP client.
type inProcess struct{ http.Handler }

func (t inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	served := r.Clone(r.Context())
	served.RequestURI = r.URL.RequestURI()
	w := &bodyWriter{header: http.Header{}, status: http.StatusOK}
	t.ServeHTTP(w, served)
	return &http.Response{StatusCode: w.status, Header: w.header, Body: io.NopCloser(&w.Buffer), Request: r}, nil
}

// bodyWriter is a response in memory.
type bodyWriter struct {
	bytes.Buffer
	header http.Header
	status int
}

func (w *bodyWriter) Header() http.Header    { return w.header }
func (w *bodyWriter) WriteHeader(status int) { w.status = status }

// CustomerAPI calls the server with a token that it makes and revokes.
func (b apiBackend) CustomerAPI(ctx context.Context, account accountName) (*customerAPI, error) {
	made, err := b.CreateToken(ctx, account.Account, webhook.AllRights, customerTokenLife)
	if err != nil {
		return nil, err
	}
	return &customerAPI{
		account: account, url: b.url, token: made.Token,
		http: &http.Client{
			Timeout:       customerTimeout, // and no redirect gets the token
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		close: func(ctx context.Context) error { return b.RevokeToken(ctx, account.Account, made.ID) },
	}, nil
}
