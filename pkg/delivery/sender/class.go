package sender

import (
	"strings"

	"github.com/hookline/hookline/pkg/delivery"
)

// classes are what the reasons amount to, by how they begin.
var classes = []struct{ reason, class string }{
	{"no answer within ", "timeout"},
	{reasonNotPublic, "address_not_public"},
	{reasonName, "name_not_resolved"},
	{reasonConnect, "not_connected"},
	{reasonTLS, "tls"},
	{"certificate ", "tls"},
	{reasonClientCert, "tls"},
	{reasonClosed, "connection_closed"},
	{reasonMalformed, "malformed_response"},
	{"the URL ", "url_not_allowed"},
	{reasonRequest, "url_not_allowed"},
	{reasonInterrupted, "interrupted"},
}

// Class returns one of a few words for why an attempt failed, for metrics: how
// many there are depends on no receiver. It is empty after a success.
func Class(r delivery.Response) string {
	switch r.Status / 100 {
	case 2:
		return ""
	case 3:
		return "3xx"
	case 4:
		return "4xx"
	case 5:
		return "5xx"
	}
	for _, c := range classes {
		if strings.HasPrefix(r.Reason, c.reason) {
			return c.class
		}
	}
	return "_OTHER"
}
