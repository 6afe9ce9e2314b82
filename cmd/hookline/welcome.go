package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/api/all"
	"github.com/hookline/hookline/pkg/store"
	"github.com/hookline/hookline/pkg/webhook"
)

// listenAddress is the default address of hookline listen.
const listenAddress = "127.0.0.1:8090"

// welcomeResult is what serve prints when its port is open.
type welcomeResult struct {
	URL string `json:"url"`
	// Metrics is where Prometheus finds metrics, if anywhere.
	Metrics string `json:"metrics,omitzero"`

	Demo []demo `json:"demo,omitzero"`
	// Operator is with --dev a link to the operator's pages, good once and for a
	// day. It is empty if no portal is served.
	Operator string `json:"operator_portal,omitzero"`
	// firstSteps are command lines for a server without accounts, and what they
	// do.
	firstSteps [][]string
	settings   string
}

// demo is an account to try an API with.
type demo struct {
	Account string `json:"account"`
	// Token is present only if it has just been created. Otherwise NewToken is
	// the command line that creates another.
	Token    string `json:"token,omitzero"`
	NewToken string `json:"new_token,omitzero"`
	// Curl is a command line that registers a webhook at hookline listen. It
	// reads a token that is not shown from the variable TOKEN.
	Curl string `json:"curl"`
	// Portal is a link to the account's pages, good once and for a day. It is
	// empty if no portal is served.
	Portal string `json:"portal,omitzero"`
	// Publish is the command line that publishes an event for that webhook.
	Publish string `json:"publish"`
}

// welcome prints where the server is, and with --dev what to try first.
//
// It prints new tokens before it stores them. If a start is killed, they have
// been shown, or none is stored and the next start creates new ones; no request
// is served in between.
func (c *serveCommand) welcome(ctx context.Context, p *program, s *server) error {
	result := welcomeResult{URL: s.url(), Metrics: s.metricsURL}
	var records []webhook.Token
	if c.Dev {
		for _, api := range all.APIs() {
			shown, fresh, err := p.demoOf(ctx, s.store, api, result.URL)
			if err != nil {
				return fmt.Errorf("demo account of %s: %w", api.Name, err)
			}
			a, err := webhook.ParseAccount(shown.Account)
			if err != nil {
				return err
			}
			if shown.Portal, err = s.devLink(ctx, a, result.URL); err != nil {
				return fmt.Errorf("portal of %s: %w", api.Name, err)
			}
			result.Demo = append(result.Demo, shown)
			records = append(records, fresh...)
		}
		var err error
		if result.Operator, err = s.devLink(ctx, webhook.Account{}, result.URL); err != nil {
			return fmt.Errorf("portal of the operator: %w", err)
		}
	} else {
		var err error
		if result.firstSteps, err = p.firstSteps(ctx, s.store); err != nil {
			return err
		}
		result.settings = c.summary()
	}
	if err := p.show(result, result.text()); err != nil {
		return err
	}
	for _, record := range records { // store what was shown even if ctx ends now
		if err := s.store.CreateToken(context.WithoutCancel(ctx), record); err != nil {
			return err
		}
	}
	return nil
}

// firstSteps returns what to do first, nothing if there is an account already.
func (p *program) firstSteps(ctx context.Context, s store.Store) ([][]string, error) {
	for _, api := range all.APIs() {
		if some, _, err := s.AccountsAfter(ctx, api.Name, "", 1); err != nil || len(some) > 0 {
			return nil, err
		}
	}
	return [][]string{
		{"  " + p.again() + " account create squake:acme", "an account of a customer"},
		{"  " + p.again() + " token create --account squake:acme", "the customer's token, shown once"},
		{"  " + p.again() + " token create --operator", "your token, which publishes, shown once"},
	}, nil
}

// summary says which settings a server has that matter to who starts it.
func (c *serveCommand) summary() string {
	onOff := func(on bool) string {
		if on {
			return "on"
		}
		return "off"
	}
	private := onOff(c.AllowPrivate)
	if !c.AllowPrivate && len(c.AllowNetwork) > 0 {
		private = "in some networks"
	}
	return fmt.Sprintf("TLS %s, http targets %s, private targets %s, notices %s, metrics %s; all settings: hookline serve --help",
		onOff(c.TLS.Cert != ""), onOff(c.AllowHTTP), private, onOff(c.NotifyURL != ""), onOff(c.Metrics.address() != ""))
}

// demoOf ensures that an API has its demo account. If that has no token, fresh
// has one to be stored once it has been shown.
func (p *program) demoOf(ctx context.Context, s store.Store, api api.API, server string) (shown demo, fresh []webhook.Token, err error) {
	account, err := api.DemoAccount()
	if err != nil {
		return demo{}, nil, err
	}
	if err := ensureAccount(ctx, s, account, p.now()); err != nil {
		return demo{}, nil, err
	}
	switch info, err := s.Account(ctx, account); {
	case err != nil:
		return demo{}, nil, err
	case info.Closing:
		return demo{}, nil, beingDeleted(p, account)
	}
	tokens, err := s.Tokens(ctx, account)
	if err != nil {
		return demo{}, nil, err
	}
	shown = demo{Account: account.String(), Publish: p.publishLine(account, api.Example)}
	if len(tokens) > 0 {
		shown.NewToken = p.again() + " token create --account " + shown.Account
		shown.Curl = curl(server, api.Example, `"`+api.Example.TokenHeader+`$TOKEN"`)
		return shown, nil, nil
	}
	secret, record, err := p.newToken(account, webhook.AllRights)
	if err != nil {
		return demo{}, nil, err
	}
	shown.Token = secret.Reveal()
	shown.Curl = curl(server, api.Example, shellQuote(api.Example.TokenHeader+shown.Token))
	return shown, []webhook.Token{record}, nil
}

// curl returns a command line for a POSIX shell. quotedHeader is the quoted
// header with the token. The webhook's URL is the address of hookline listen.
func curl(server string, example api.Example, quotedHeader string) string {
	body := strings.Replace(example.Body, api.ExampleReceiver, "http://"+listenAddress, 1)
	return "curl -i " + shellQuote(server+example.Path) + " -H " + quotedHeader +
		" -H 'Content-Type: application/json' -d " + shellQuote(body)
}

// publishLine returns a command line for a POSIX shell.
func (p *program) publishLine(a webhook.Account, example api.Example) string {
	line := p.again() + " publish --account " + a.String() + " --event " + example.Event
	if example.Instance != "" {
		line += " --instance " + example.Instance
	}
	return line + " --payload " + shellQuote(`{"hello":"world"}`)
}

// text returns the welcome for people.
func (r welcomeResult) text() string {
	var text strings.Builder
	text.WriteString("Hookline listens at " + r.URL + "; its APIs are described at " + r.URL + "/docs\n")
	if r.Metrics != "" {
		text.WriteString("Prometheus finds metrics at " + r.Metrics + "\n")
	}
	for _, d := range r.Demo {
		if d.Portal != "" {
			d.Publish += "\nIts pages, by a link that is good once and for a day:\n" + d.Portal
		}
		if d.Token != "" {
			text.WriteString("\n" + d.Account + ", whose token cannot be shown again:\n" + d.Token + "\n" + d.Curl + "\n" + d.Publish + "\n")
		} else {
			text.WriteString("\n" + d.Account + ", whose token was shown at the first start. To create a new one:\n" +
				"TOKEN=$(" + d.NewToken + ")\n" + d.Curl + "\n" + d.Publish + "\n")
		}
	}
	if r.Operator != "" {
		text.WriteString("\nThe operator's pages, by a link that is good once and for a day:\n" + r.Operator + "\n")
	}
	if r.settings != "" {
		text.WriteString(linef("%s", r.settings))
	}
	if len(r.firstSteps) > 0 {
		text.WriteString("\nThere is no account yet. In another terminal:\n" + aligned(r.firstSteps) + "\n")
	}
	if len(r.Demo) > 0 {
		text.WriteString("\n")
	}
	return text.String()
}
