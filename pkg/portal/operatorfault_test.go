package portal_test

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/keygen"
	"github.com/hookline/hookline/pkg/portal"
	"github.com/hookline/hookline/pkg/webhook"
)

// errDown is what no page may show.
var errDown = errors.New("table of-ours at 10.1.2.3")

// down is a store that fails.
type down struct{}

func (down) Account(context.Context, webhook.Account) (webhook.AccountInfo, error) {
	return webhook.AccountInfo{}, errDown
}

func (down) AccountsAfter(context.Context, webhook.API, string, int) ([]webhook.AccountInfo, string, error) {
	return nil, "", errDown
}
func (down) CreateAccount(context.Context, webhook.AccountInfo) error         { return errDown }
func (down) CreateToken(context.Context, webhook.Token) error                 { return errDown }
func (down) RevokeToken(context.Context, webhook.Account, string) error       { return errDown }
func (down) Tokens(context.Context, webhook.Account) ([]webhook.Token, error) { return nil, errDown }
func (down) Failing(context.Context, webhook.API, string, int) ([]webhook.Webhook, string, error) {
	return nil, "", errDown
}

// TestOperatorStoreIsDown: what fails inside is a page with an id, under which
// the log has what it was; no token is shown that was not stored.
func TestOperatorStoreIsDown(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	settings, err := portal.ReadSettings(func(string) string { return "" }, "http://127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	cfg := e.operatorConfig(api.Setup{Keys: keygen.New(rand.Reader, time.Now), Now: time.Now, Log: slog.New(slog.NewJSONHandler(e.log, nil))}, settings)
	cfg.Store = down{}
	server := httptest.NewServer(portal.NewOperator(cfg))
	t.Cleanup(server.Close)
	r := e.enter(t, operator, webhook.AllRights)
	token := between(r.page, `name="form_token" value="`, `"`)
	e.URL = server.URL
	const account = "/portal/operator/accounts/squake:acme"
	for _, path := range []string{
		"GET /portal/operator/accounts", "GET /portal/operator/accounts?id=acme", "POST /portal/operator/accounts", "GET /portal/operator/failing", "GET " + account, "GET " + account + "/tokens/new",
		"POST " + account + "/tokens", "GET " + account + "/tokens/t/revoke", "POST " + account + "/tokens/t/revoke", "GET " + account + "/links/new", "GET " + account + "/links/end",
	} {
		method, path, _ := strings.Cut(path, " ")
		form := map[string][]string{"form_token": {token}, "api": {"squake"}, "id": {"new"}}
		if method == http.MethodGet {
			form = nil
		}
		r.do(method, path, form)
		r.shows(500, "Something went wrong on our side")
		id := between(r.page, "report it with the id ", ".")
		if line := between(e.log.String(), `"request_id":"`+id, "\n"); id == "" || !strings.Contains(line, errDown.Error()) || strings.Contains(r.page, errDown.Error()) || strings.Contains(r.page, "hk_") {
			t.Errorf("%s %s: the log says %s", method, path, line)
		}
	}
}
