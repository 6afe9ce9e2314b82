package dynamo_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"

	"github.com/hookline/hookline/internal/test/dynamolocal"
	"github.com/hookline/hookline/pkg/store/dynamo"
	"github.com/hookline/hookline/pkg/webhook"
)

// echo passes requests on, and keeps the latest to send it once more, as a try
// arrives whose response was given up.
type echo struct {
	to     *httputil.ReverseProxy
	latest *http.Request
	body   []byte
}

func (e *echo) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e.body, _ = io.ReadAll(r.Body) // what is cut off DynamoDB refuses
	e.latest = r.Clone(context.Background())
	e.again(w)
}

func (e *echo) again(w http.ResponseWriter) {
	e.latest.Body = io.NopCloser(bytes.NewReader(e.body))
	e.to.ServeHTTP(w, e.latest)
}

// A link that was used and a session that has ended stay away, also if a try to
// add them arrives late.
func TestPassesComeOnce(t *testing.T) {
	server := dynamolocal.Start(t)
	upstream, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	for _, owner := range []webhook.Account{account, {}} {
		tables := server.NewTables(t)
		direct := open(t, server.URL, tables, timeout)
		pass := func(text string) webhook.PortalPass {
			return webhook.PortalPass{Hash: webhook.HashToken(text), Account: owner, Rights: webhook.Read, ExpiresAt: createdAt}
		}
		link, session := pass("link"), pass("session")
		for _, tt := range []struct {
			name     string
			add, end func(*dynamo.Store) error
			read     func(*dynamo.Store) error
		}{
			{
				"link",
				func(s *dynamo.Store) error { return s.AddPortalLink(t.Context(), link) },
				func(s *dynamo.Store) error { return s.BeginPortalSession(t.Context(), link.Hash, pass("begun")) },
				func(s *dynamo.Store) error { _, _, err := s.PortalLink(t.Context(), owner, link.Hash); return err },
			},
			{
				"session",
				func(s *dynamo.Store) error { return s.AddPortalSession(t.Context(), session) },
				func(s *dynamo.Store) error { return s.EndPortalSession(t.Context(), owner, session.Hash) },
				func(s *dynamo.Store) error {
					_, _, err := s.PortalSession(t.Context(), owner, session.Hash)
					return err
				},
			},
		} {
			e := &echo{to: httputil.NewSingleHostReverseProxy(upstream)}
			proxy := httptest.NewServer(e)
			t.Cleanup(proxy.Close)
			if err := errors.Join(tt.add(open(t, proxy.URL, tables, timeout)), tt.read(direct), tt.end(direct)); err != nil {
				t.Fatal(err)
			}
			late := httptest.NewRecorder()
			e.again(late)
			if err := tt.read(direct); late.Code != http.StatusOK || !errors.Is(err, webhook.ErrNotFound) {
				t.Errorf("%s of %v after a late try, answered %d: error = %v, want ErrNotFound", tt.name, owner, late.Code, err)
			}
		}
	}
}
