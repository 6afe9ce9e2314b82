package start

import (
	"cmp"
	"net/http"
)

// Portal says where browsers reach the pages of the portal.
type Portal struct {
	// URL is a domain of the stack's own. It is empty where the domain is the one
	// that AWS gives the API: a template cannot tell its name, since the API needs
	// its functions first.
	URL string `env:"HOOKLINE_PORTAL_URL"`
}

// At returns where that is. The request came by the same API, which answers by
// https alone.
func (p Portal) At(r *http.Request) string { return cmp.Or(p.URL, "https://"+r.Host) }
