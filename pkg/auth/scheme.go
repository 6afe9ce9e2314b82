package auth

import (
	"fmt"
	"net/http"
	"net/textproto"
	"strings"

	"github.com/hookline/hookline/pkg/webhook"
)

// Scheme finds the one token in the headers of a request.
//
//   - ErrMissing: nothing was sent that could be one. An empty value is
//     nothing: it is what a client sends whose setting is not filled in.
//   - ErrInvalid: something was sent, but not one token. Two header lines are
//     two credentials, whatever stands in them (401 by Credentials 1 in
//     docs/contracts/README.md),
//     and so are two in one line with a comma, as API Gateway joins them.
//
// Whether the token is any good, an Authenticator says.
type Scheme func(h http.Header) (webhook.Secret, error)

// Reasons for ErrInvalid that a Scheme has.
var (
	errSeveral   = fmt.Errorf("%w: more than one credential", ErrInvalid)
	errNotBearer = fmt.Errorf("%w: the scheme is not Bearer", ErrInvalid)
	errAlphabet  = fmt.Errorf("%w: characters that no token has", ErrInvalid)
)

// Bearer is the scheme of Squake and AbbeyCross: "Authorization: Bearer
// <token>" (RFC 6750, section 2.1), the word in any letter case and one space
// or more after it (RFC 7235, section 2.1). Another scheme, Basic say, is
// ErrInvalid; the word Bearer alone is ErrMissing. The places in the body and
// the query where RFC 6750 also allows a token are not looked at.
func Bearer(h http.Header) (webhook.Secret, error) {
	value, err := only(h, "Authorization")
	if err != nil {
		return webhook.Secret{}, err
	}
	scheme, token, _ := strings.Cut(value, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return webhook.Secret{}, errNotBearer
	}
	return token68(strings.TrimLeft(token, " "))
}

// Headers makes the scheme of Shoptet: the token is the whole value of one of
// the named headers, any of them. Two of them, or one twice, are ErrInvalid,
// even when a value is empty; other headers, Authorization too, are not looked
// at (docs/contracts/shoptet.md, Credentials).
func Headers(names ...string) Scheme {
	canonical := make([]string, len(names))
	for i, name := range names {
		canonical[i] = textproto.CanonicalMIMEHeaderKey(name)
	}
	return func(h http.Header) (webhook.Secret, error) {
		value, err := only(h, canonical...)
		if err != nil {
			return webhook.Secret{}, err
		}
		return token68(value)
	}
}

// only gives the value of the one header line that has any of names, which
// are in canonical form, without the white space around it. ErrMissing: there
// is no such line, or it is empty. ErrInvalid: there are several.
func only(h http.Header, names ...string) (string, error) {
	value, lines := "", 0
	for _, name := range names {
		for _, line := range h[name] {
			value = strings.Trim(line, " \t")
			lines++
		}
	}
	switch {
	case lines > 1:
		return "", errSeveral
	case value == "":
		return "", ErrMissing
	}
	return value, nil
}

// token68 accepts the alphabet that RFC 7235 gives to tokens in a header
// (RFC 6750 calls it b64token); it has no comma, quote or white space.
func token68(s string) (webhook.Secret, error) {
	if s == "" {
		return webhook.Secret{}, ErrMissing
	}
	for i := range len(s) {
		c := s[i]
		switch {
		case 'A' <= c && c <= 'Z', 'a' <= c && c <= 'z', '0' <= c && c <= '9':
		case strings.IndexByte("-._~+/=", c) >= 0:
		case c == ',':
			return webhook.Secret{}, errSeveral
		default:
			return webhook.Secret{}, errAlphabet
		}
	}
	return webhook.NewSecret(s), nil
}
