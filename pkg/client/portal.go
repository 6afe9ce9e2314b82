package client

import (
	"context"
	"net/http"
	"time"
)

// PortalLinkRequest says what a link into the portal is good for.
type PortalLinkRequest struct {
	// ExpiresIn is how long the link is good, up to 24 h; 0 for 10 minutes.
	ExpiresIn time.Duration
	// Session is how long the session lasts that it begins, up to 720 h; 0 for 8
	// hours.
	Session time.Duration
	// ReadOnly has the session change nothing.
	ReadOnly bool
}

// PortalLink is a link into the portal. Whoever has it can enter, once.
type PortalLink struct {
	URL       string    `json:"url"`
	ExpiresAt time.Time `json:"expires_at"`
}

// CreatePortalLink makes a link to the pages of an account. It is sent once: if
// its response is lost, a link may exist that nobody knows.
func (c *Client) CreatePortalLink(ctx context.Context, account string, request PortalLinkRequest) (PortalLink, error) {
	return c.createLink(ctx, accountPath(account, "portal-links"), request)
}

// operatorLinks is the path of the operator's own links.
const operatorLinks = "/operator/portal-links"

// CreateOperatorPortalLink makes a link to the operator's own pages, which lead
// to all accounts. It is sent once, as CreatePortalLink is.
func (c *Client) CreateOperatorPortalLink(ctx context.Context, request PortalLinkRequest) (PortalLink, error) {
	return c.createLink(ctx, operatorLinks, request)
}

func (c *Client) createLink(ctx context.Context, path string, request PortalLinkRequest) (link PortalLink, err error) {
	body := map[string]any{}
	if request.ExpiresIn != 0 {
		body["expires_in"] = request.ExpiresIn.String()
	}
	if request.Session != 0 {
		body["session"] = request.Session.String()
	}
	if request.ReadOnly {
		body["rights"] = []string{"read"}
	}
	err = c.do(ctx, call{method: http.MethodPost, path: path, body: body, member: "url"}, &link)
	return link, err
}

// EndPortalLinks ends all links and sessions of an account.
func (c *Client) EndPortalLinks(ctx context.Context, account string) error {
	return c.do(ctx, call{method: http.MethodDelete, path: accountPath(account, "portal-links"), repeatable: true}, nil)
}

// EndOperatorPortalLinks ends all links and sessions of the operator, with those
// sessions of accounts that were entered from the operator's pages.
func (c *Client) EndOperatorPortalLinks(ctx context.Context) error {
	return c.do(ctx, call{method: http.MethodDelete, path: operatorLinks, repeatable: true}, nil)
}
