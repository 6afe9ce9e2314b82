package auth

import (
	"fmt"
	"net/http"
	"net/textproto"
	"strings"

	"github.com/hookline/hookline/pkg/webhook"
)

// Scheme extracts the token from the headers of a request.
//
//   - [ErrMissing]: nothing that could be a token was sent. An empty value
//     counts as nothing: a client sends it if its setting is empty.
//   - [ErrInvalid]: something other than one token was sent. Two header lines
//     are two credentials, whatever they contain (401 by Credentials 1 in
//     docs/contracts/README.md), and so are two in one line separated by a
//     comma, as API Gateway joins them.
//
// A Scheme does not check the token itself; an [Authenticator] does.
type Scheme func(h http.Header) (webhook.Secret, error)

// Reasons of a Scheme for ErrInvalid.
var (
	errSeveral   = fmt.Errorf("%w: more than one credential", ErrInvalid)
	errNotBearer = fmt.Errorf("%w: the scheme is not Bearer", ErrInvalid)
	errAlphabet  = fmt.Errorf("%w: characters that no token has", ErrInvalid)
)

// Bearer is the scheme of Squake and AbbeyCross: "Authorization: Bearer
// <token>" (RFC 6750, section 2.1), with the word in any letter case and
// followed by one or more spaces (RFC 7235, section 2.1). Another scheme, such
// as Basic, is [ErrInvalid]; the word Bearer alone is [ErrMissing]. Bearer
// ignores the body and the query, where RFC 6750 also allows a token.
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

// Headers returns the scheme of Shoptet: the token is the whole value of one of
// the named headers. Two of them, or one twice, are [ErrInvalid], even if a
// value is empty. Other headers, including Authorization, are ignored
// (docs/contracts/shoptet.md, Credentials).
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

// only returns the value, without surrounding white space, of the one header
// line that has any of names, which are in canonical form. It returns
// [ErrMissing] if there is no such line or it is empty, and [ErrInvalid] if
// there are several.
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

// token68 accepts the characters that RFC 7235 allows in a token (RFC 6750
// calls it b64token), which exclude comma, quote and white space.
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
