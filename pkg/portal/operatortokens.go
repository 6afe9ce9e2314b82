package portal

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/hookline/hookline/pkg/portal/access"
	"github.com/hookline/hookline/pkg/webhook"
)

// tokenRow is a token as the account's page shows it.
type tokenRow struct {
	ID, Rights, Revoke string
	Created, Expires   moment
	Expired            bool
}

// tokens sets a page of tokens, the latest first.
func (v *accountView) tokens(e *exchange, list []webhook.Token) {
	slices.SortStableFunc(list, func(a, b webhook.Token) int { return b.CreatedAt.Compare(a.CreatedAt) })
	page, _ := strconv.Atoi(e.URL.Query().Get("page"))
	page = max(0, min(page, (len(list)-1)/tokensPage))
	from, to := page*tokensPage, min(len(list), (page+1)*tokensPage)
	for _, t := range list[from:to] {
		v.Tokens = append(v.Tokens, tokenRow{
			ID: t.ID, Rights: rightsText(t.Rights), Revoke: v.Path + "/tokens/" + t.ID + "/revoke",
			Created: e.at(t.CreatedAt), Expires: e.at(t.ExpiresAt), Expired: t.Expired(e.now),
		})
	}
	if page > 0 {
		v.Previous = v.Path + "?page=" + strconv.Itoa(page-1)
	}
	if to < len(list) {
		v.Next = v.Path + "?page=" + strconv.Itoa(page+1)
	}
}

func rightsText(r webhook.Rights) string {
	switch {
	case !r.Has(webhook.Write):
		return "read"
	case !r.Has(webhook.Read):
		return "write"
	}
	return "read and write"
}

// grantView is the form that makes a token or a link.
type grantView struct {
	frame
	Text, Action, Label, Back string
	Fields                    []field
	Failures                  []field
}

// lifetime is how long something is good.
type lifetime struct {
	value, label string
	lasts        time.Duration // 0: for ever
}

// lifetimes of tokens and of links, the usual one first.
func tokenLifetimes() []lifetime {
	return []lifetime{{"never", "Never", 0}, {"1d", "After a day", day}, {"30d", "After 30 days", 30 * day}, {"90d", "After 90 days", 90 * day}, {"365d", "After a year", 365 * day}}
}

func linkLifetimes() []lifetime {
	return []lifetime{{"24h", "24 hours", access.MaxLink}, {"1h", "1 hour", time.Hour}, {"10m", "10 minutes", access.DefaultLink}}
}

// lifetimeField returns a field of lifetimes, and the one that was chosen.
func lifetimeField(label string, all []lifetime, chosen string) (f field, l lifetime) {
	f = field{Name: "lasts", Label: label}
	l = all[0]
	found := chosen == ""
	for _, one := range all {
		if one.value == chosen {
			l, found = one, true
		}
		f.Choices = append(f.Choices, choice{Value: one.value, Label: one.label, Chosen: one.value == chosen})
	}
	if !found {
		f.Wrong = "Choose one of these."
	}
	return f, l
}

// rightsField returns a field of rights, and those that were chosen.
func rightsField(all []webhook.Rights, chosen string) (f field, rights webhook.Rights) {
	f = field{Name: "rights", Label: "Rights"}
	rights = all[0]
	found := chosen == ""
	for _, one := range all {
		if one.String() == chosen {
			rights, found = one, true
		}
		f.Choices = append(f.Choices, choice{Value: one.String(), Label: capital(rightsText(one)), Chosen: one.String() == chosen})
	}
	if !found {
		f.Wrong = "Choose one of these."
	}
	return f, rights
}

// tokenForm returns the form for a token, as it was filled in.
func (o *operatorPages) tokenForm(e *exchange) (v grantView, rights webhook.Rights, lasts time.Duration) {
	v = grantView{
		frame: e.frame("Make a token"), Action: accountPath(e.account) + "/tokens", Label: "Make token", Back: accountPath(e.account),
		Text: "The customer " + e.account.String() + " calls the API with it. It is shown once, on the next page.",
	}
	rights = webhook.AllRights
	if found, _ := o.api(e.account.API); found.Rights {
		var f field
		f, rights = rightsField([]webhook.Rights{webhook.AllRights, webhook.Read, webhook.Write}, e.PostForm.Get("rights"))
		v.Fields = append(v.Fields, f)
	}
	f, l := lifetimeField("Expires", tokenLifetimes(), e.PostForm.Get("lasts"))
	v.Fields = append(v.Fields, f)
	v.Failures = failures(v.Fields...)
	return v, rights, l.lasts
}

// offer shows an empty form for an account that can get something new.
func (o *operatorPages) offer(e *exchange, v grantView) error {
	if !e.session.Rights.Has(webhook.Write) {
		return errReadOnly
	}
	info, err := o.Store.Account(e.Context(), e.account)
	switch {
	case err != nil:
		return err
	case info.Closing:
		return e.errNotOpen()
	}
	return e.page(http.StatusOK, "grant", v)
}

// newToken serves GET …/accounts/{account}/tokens/new.
func (o *operatorPages) newToken(e *exchange) error {
	v, _, _ := o.tokenForm(e)
	return o.offer(e, v)
}

// createToken serves POST …/accounts/{account}/tokens. The page is the answer to
// the POST that made the token, so nothing keeps it.
func (o *operatorPages) createToken(e *exchange) error {
	v, rights, lasts := o.tokenForm(e)
	if len(v.Failures) > 0 {
		return e.page(http.StatusUnprocessableEntity, "grant", v)
	}
	secret, err := o.Keys.Token()
	if err != nil {
		return err
	}
	record := webhook.Token{Account: e.account, Hash: webhook.HashToken(secret.Reveal()), Rights: rights, CreatedAt: e.now.UTC().Truncate(time.Millisecond)}
	if lasts > 0 {
		record.ExpiresAt = record.CreatedAt.Add(lasts)
	}
	if record.ID, err = o.Keys.UUID(); err != nil {
		return err
	}
	err = o.Store.CreateToken(e.Context(), record)
	switch {
	case isGone(err):
		return e.errNotOpen()
	case err != nil:
		return err
	}
	return e.page(http.StatusOK, "key", keyView{
		frame: e.frame("The token is made"), Text: "Hand it over safely: whoever has it can use it.", Back: accountPath(e.account),
		Key: code{ID: "key", Title: "This token is shown once", Text: secret.Reveal(), Key: true},
	})
}

// token returns the token that the path names.
func (o *operatorPages) token(e *exchange) (webhook.Token, error) {
	list, err := o.Store.Tokens(e.Context(), e.account)
	if err != nil {
		return webhook.Token{}, err
	}
	i := slices.IndexFunc(list, func(t webhook.Token) bool { return t.ID == e.PathValue("token") })
	if i < 0 {
		return webhook.Token{}, errNoPage
	}
	return list[i], nil
}

// confirmRevoke serves GET …/accounts/{account}/tokens/{token}/revoke.
func (o *operatorPages) confirmRevoke(e *exchange) error {
	t, err := o.token(e)
	if err != nil {
		return err
	}
	return e.page(http.StatusOK, "confirm", confirmView{
		frame: e.frame("Revoke this token?"), Text: t.ID, Action: accountPath(e.account) + "/tokens/" + t.ID + "/revoke", Label: "Revoke token", Back: accountPath(e.account), Danger: true,
		Points: []string{
			"Requests of " + e.account.String() + " with this token are refused, at the latest after 30 seconds.",
			"Webhooks that were registered with it stay, and deliveries go on.",
			"It cannot be undone. A new token can be made.",
		},
	})
}

// revokeToken serves POST …/accounts/{account}/tokens/{token}/revoke. A token that
// is gone was revoked: the form may have been sent twice.
func (o *operatorPages) revokeToken(e *exchange) error {
	if err := o.Store.RevokeToken(e.Context(), e.account, e.PathValue("token")); err != nil && !isGone(err) {
		return err
	}
	return e.redirect(accountPath(e.account) + "?done=revoked")
}

// linkForm returns the form for a link into the account's pages, as it was filled
// in.
func (o *operatorPages) linkForm(e *exchange) (v grantView, g access.Grant) {
	v = grantView{
		frame: e.frame("Make a link"), Action: accountPath(e.account) + "/links", Label: "Make link", Back: accountPath(e.account),
		Text: "It leads the customer to the pages of " + e.account.String() + ", once. It is shown on the next page.",
	}
	rights, granted := rightsField([]webhook.Rights{webhook.AllRights, webhook.Read}, e.PostForm.Get("rights"))
	f, l := lifetimeField("Good for", linkLifetimes(), e.PostForm.Get("lasts"))
	v.Fields = []field{rights, f}
	v.Failures = failures(v.Fields...)
	return v, access.Grant{Account: e.account, Rights: granted, Link: l.lasts, Session: access.DefaultSession}
}

// newLink serves GET …/accounts/{account}/links/new.
func (o *operatorPages) newLink(e *exchange) error {
	v, _ := o.linkForm(e)
	return o.offer(e, v)
}

// createLink serves POST …/accounts/{account}/links.
func (o *operatorPages) createLink(e *exchange) error {
	v, grant := o.linkForm(e)
	if len(v.Failures) > 0 {
		return e.page(http.StatusUnprocessableEntity, "grant", v)
	}
	secret, expires, err := o.Access.Create(e.Context(), grant)
	switch {
	case isGone(err):
		return e.errNotOpen()
	case err != nil:
		return err
	}
	return e.page(http.StatusOK, "key", keyView{
		frame: e.frame("The link is made"), Text: "It is good once, until " + e.at(expires).Exact + ". Whoever opens it first enters.", Back: accountPath(e.account),
		Key: code{ID: "key", Title: "This link is shown once", Text: access.EnterURL(o.URL(e.Request), secret), Key: true},
	})
}
