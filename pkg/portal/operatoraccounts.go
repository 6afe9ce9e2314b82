package portal

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// accountsPage is how many accounts a page has, and tokensPage how many tokens.
const (
	accountsPage = 50
	tokensPage   = 30
)

// accountRow is an account as the list shows it.
type accountRow struct {
	Name, Path string
	Created    moment
	State      state
}

// accountsView is the list of the accounts of an API, and what finds one.
type accountsView struct {
	frame
	API, ID        field
	Rows           []accountRow
	Empty          empty
	Previous, Next string
}

func accountState(info webhook.AccountInfo) state {
	if info.Closing {
		return state{toneIdle, "being deleted"}
	}
	return state{toneOK, "open"}
}

// accountFields returns the fields that name an account, as a request has them.
func (o *operatorPages) accountFields(values url.Values) (name, id field, a webhook.Account) {
	name = field{Name: "api", Label: "API"}
	id = field{Name: "id", Label: "Id", Value: values.Get("id")}
	a = webhook.Account{API: webhook.API(values.Get("api")), ID: strings.TrimSpace(id.Value)}
	if whole, err := webhook.ParseAccount(a.ID); err == nil { // as lists show it
		a = whole
	}
	if values.Get("api") == "" && !strings.Contains(id.Value, ":") {
		a.API = o.APIs[0].Name
	}
	for _, known := range o.APIs {
		name.Choices = append(name.Choices, choice{Value: string(known.Name), Label: string(known.Name), Chosen: known.Name == a.API})
	}
	return name, id, a
}

// wrongAccount sets what is wrong with the name of an account beside its fields.
func (o *operatorPages) wrongAccount(name, id *field, a webhook.Account) {
	if _, known := o.api(a.API); !known {
		name.Wrong = "There is no such API."
	} else if _, err := webhook.ParseAccount(a.String()); err != nil {
		id.Wrong = "The id must be 1 to 64 of A-Z a-z 0-9 _ -."
	} else {
		id.Wrong = o.checkAccount(a)
	}
}

// listAccounts serves GET /portal/operator/accounts. With an id it leads to the
// account's page.
func (o *operatorPages) listAccounts(e *exchange) error {
	q := e.URL.Query()
	name, id, a := o.accountFields(q)
	v := accountsView{frame: e.frame("Accounts"), API: name, ID: id}
	v.ID.Label, v.ID.Hint = "Find by id", ""
	if _, known := o.api(a.API); !known {
		return errNoPage
	}
	if a.ID != "" {
		return o.find(e, v, a)
	}
	if after := q.Get("after"); after != "" {
		if _, err := webhook.ParseAccount(string(a.API) + ":" + after); err != nil {
			return errNoPage
		}
		v.Previous = operatorHome + "?api=" + url.QueryEscape(string(a.API))
	}
	list, next, err := o.Store.AccountsAfter(e.Context(), a.API, q.Get("after"), accountsPage)
	if err != nil {
		return err
	}
	for _, info := range list {
		v.Rows = append(v.Rows, accountRow{info.Account.String(), accountPath(info.Account), e.at(info.CreatedAt), accountState(info)})
	}
	if next != "" {
		v.Next = operatorHome + "?api=" + url.QueryEscape(string(a.API)) + "&after=" + url.QueryEscape(next)
	}
	v.Empty = empty{Title: "No accounts of " + string(a.API) + " yet", Text: "An account is an installation of one customer. Its tokens register webhooks."}
	if v.Previous != "" || v.Next != "" {
		v.Empty = empty{Title: "None here", Text: "The accounts of this page were deleted."}
	} else if v.MayWrite {
		v.Empty.Link, v.Empty.Action, v.Empty.Main = operatorHome+"/new?api="+url.QueryEscape(string(a.API)), "Create an account", true
	}
	return e.page(http.StatusOK, "accounts", v)
}

// find leads to the page of an account, or says that there is none.
func (o *operatorPages) find(e *exchange, v accountsView, a webhook.Account) error {
	name, id := v.API, v.ID
	o.wrongAccount(&name, &id, a)
	if wrong := cmp.Or(name.Wrong, id.Wrong); wrong != "" {
		v.Empty = empty{Title: "There is no such account", Text: wrong}
		return e.page(http.StatusNotFound, "accounts", v)
	}
	_, err := o.Store.Account(e.Context(), a)
	switch {
	case err == nil:
		return e.redirect(accountPath(a))
	case !isGone(err):
		return err
	}
	v.Empty = empty{Title: "There is no account " + a.String(), Text: "Upper and lower case are different in ids."}
	if v.MayWrite {
		v.Empty.Link, v.Empty.Action = operatorHome+"/new?api="+url.QueryEscape(string(a.API))+"&id="+url.QueryEscape(a.ID), "Create it"
	}
	return e.page(http.StatusNotFound, "accounts", v)
}

// newAccountView is the form that creates an account.
type newAccountView struct {
	frame
	API, ID  field
	Failures []field
}

func (o *operatorPages) newAccountView(e *exchange, values url.Values) (newAccountView, webhook.Account) {
	name, id, a := o.accountFields(values)
	id.Hint = "Of the customer’s installation: 1 to 64 of A-Z a-z 0-9 _ -."
	return newAccountView{frame: e.frame("Create an account"), API: name, ID: id}, a
}

// newAccount serves GET /portal/operator/accounts/new.
func (o *operatorPages) newAccount(e *exchange) error {
	if !e.session.Rights.Has(webhook.Write) {
		return errReadOnly
	}
	v, _ := o.newAccountView(e, e.URL.Query())
	return e.page(http.StatusOK, "newaccount", v)
}

// createAccount serves POST /portal/operator/accounts. Of an account that exists
// it says so, and leads to it too: the form may have been sent twice.
func (o *operatorPages) createAccount(e *exchange) error {
	v, a := o.newAccountView(e, e.PostForm)
	if o.wrongAccount(&v.API, &v.ID, a); v.ID.Wrong != "" || v.API.Wrong != "" {
		v.Failures = failures(v.API, v.ID)
		return e.page(http.StatusUnprocessableEntity, "newaccount", v)
	}
	e.account = a
	err := o.Store.CreateAccount(e.Context(), webhook.AccountInfo{Account: a, CreatedAt: e.now.UTC().Truncate(time.Millisecond)})
	switch {
	case errors.Is(err, webhook.ErrExists):
		return e.redirect(accountPath(a) + "?done=exists")
	case err != nil:
		return err
	}
	return e.redirect(accountPath(a) + "?done=created")
}

// accountView is the page of an account.
type accountView struct {
	frame
	Name, Path     string
	Created        moment
	Closing        bool
	Tokens         []tokenRow
	Previous, Next string
}

// showAccount serves GET …/accounts/{account}.
func (o *operatorPages) showAccount(e *exchange) error {
	info, err := o.Store.Account(e.Context(), e.account)
	if err != nil {
		return err
	}
	tokens, err := o.Store.Tokens(e.Context(), e.account)
	if err != nil {
		return err
	}
	v := accountView{frame: e.frame(e.account.String()), Name: e.account.String(), Path: accountPath(e.account), Created: e.at(info.CreatedAt), Closing: info.Closing}
	v.tokens(e, tokens)
	return e.page(http.StatusOK, "account", v)
}

// confirmEnd serves GET …/accounts/{account}/links/end.
func (o *operatorPages) confirmEnd(e *exchange) error {
	if _, err := o.Store.Account(e.Context(), e.account); err != nil {
		return err
	}
	return e.page(http.StatusOK, "confirm", confirmView{
		frame: e.frame("End all links and sessions?"), Text: e.account.String(), Action: e.URL.Path, Label: "End them all", Back: accountPath(e.account), Danger: true,
		Points: []string{
			"Whoever is in the pages of this account is out at once, you too if you entered it.",
			"Links that were not used yet are no longer good.",
			"Webhooks, deliveries and tokens stay as they are.",
			"New links can be made at once.",
		},
	})
}

// endLinks serves POST …/accounts/{account}/links/end.
func (o *operatorPages) endLinks(e *exchange) error {
	if err := o.Access.End(e.Context(), e.account); err != nil {
		return err
	}
	return e.redirect(accountPath(e.account) + "?done=ended")
}
