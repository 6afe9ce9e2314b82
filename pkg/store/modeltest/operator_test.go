package modeltest

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hookline/hookline/pkg/webhook"
)

// token gives the token that an operation means. The hash tells accounts
// apart but for the first token, which they have in common: only one of them
// can own it.
func (o operation) token(a webhook.Account, m *model) webhook.Token {
	text := fmt.Sprint(a.Dialect, " token ", o.Token)
	if o.Token > 0 {
		text += a.ID
	}
	return webhook.Token{
		ID: fmt.Sprint("t", o.Token), Account: a, Hash: webhook.HashToken(text),
		Rights: webhook.Read, CreatedAt: m.now,
	}
}

// operate does what the operator does, and gives what must be answered.
func (m *model) operate(o operation, a webhook.Account) answer {
	info, found := m.accounts[a]
	switch o.Do {
	case "create account":
		if found {
			return answer{Error: "exists"}
		}
		m.accounts[a] = webhook.AccountInfo{Account: a, CreatedAt: m.now}
	case "account":
		if found {
			return answer{Accounts: []webhook.AccountInfo{info}}
		}
		return answer{Error: "not found"}
	case "accounts":
		return answer{Accounts: m.accountsOf(a.Dialect)}
	case "close":
		if !found {
			return answer{Error: "not found"}
		}
		info.Closing = true
		m.accounts[a] = info
	case "remove":
		if !info.Closing {
			return answer{Error: "not found"}
		}
		delete(m.accounts, a)
	default:
		return m.operateToken(o, a)
	}
	return answer{}
}

func (m *model) operateToken(o operation, a webhook.Account) answer {
	t := o.token(a, m)
	there, used := m.tokens[t.Hash]
	idUsed := slices.ContainsFunc(m.tokensOf(a), func(other webhook.Token) bool { return other.ID == t.ID })
	switch o.Do {
	case "create token":
		info, found := m.accounts[a]
		switch {
		case !found || info.Closing:
			return answer{Error: "not found"}
		case used || idUsed:
			return answer{Error: "exists"}
		}
		m.tokens[t.Hash] = t
		return answer{}
	case "token":
		if used {
			return answer{Tokens: []webhook.Token{there}}
		}
		return answer{Error: "not found"}
	case "tokens":
		return answer{Tokens: m.tokensOf(a)}
	case "revoke token":
		if !idUsed {
			return answer{Error: "not found"}
		}
		delete(m.tokens, t.Hash)
		return answer{}
	}
	return answer{Error: "(the model does not know this operation)"}
}

func (m *model) accountsOf(d webhook.Dialect) []webhook.AccountInfo {
	all := slices.Collect(maps.Values(m.accounts))
	all = slices.DeleteFunc(all, func(i webhook.AccountInfo) bool { return i.Account.Dialect != d })
	slices.SortFunc(all, func(i, j webhook.AccountInfo) int { return strings.Compare(i.Account.ID, j.Account.ID) })
	return all
}

func (m *model) tokensOf(a webhook.Account) []webhook.Token {
	all := slices.Collect(maps.Values(m.tokens))
	all = slices.DeleteFunc(all, func(t webhook.Token) bool { return t.Account != a })
	slices.SortFunc(all, func(t, u webhook.Token) int { return strings.Compare(t.ID, u.ID) })
	return all
}
