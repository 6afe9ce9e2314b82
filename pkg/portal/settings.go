package portal

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/hookline/hookline/pkg/webhook"
)

// Settings are the operator's.
type Settings struct {
	// Name is what the portal calls itself.
	Name string
	// accent is the colour of links and buttons.
	accent accent
	// refreshURL is where the operator makes new links. It is empty if there is
	// no such page.
	refreshURL string
	// ancestors is the frame-ancestors of the pages' policy.
	ancestors string
	// secure reports whether browsers reach the portal by https.
	secure bool
}

// The names of the settings.
const (
	nameSetting      = "HOOKLINE_PORTAL_NAME"
	accentSetting    = "HOOKLINE_PORTAL_ACCENT"
	refreshSetting   = "HOOKLINE_PORTAL_REFRESH_URL"
	ancestorsSetting = "HOOKLINE_PORTAL_FRAME_ANCESTORS"
	maxName          = 40
)

// Variables returns the names of the settings.
func Variables() []string {
	return []string{nameSetting, accentSetting, refreshSetting, ancestorsSetting}
}

// ReadSettings reads the operator's settings. origin is where browsers reach
// the portal, such as https://hooks.example.com; http is only for loopback. The
// error names every setting that is wrong.
func ReadSettings(getenv func(string) string, origin string) (Settings, error) {
	s := Settings{Name: getenv(nameSetting), refreshURL: getenv(refreshSetting), ancestors: getenv(ancestorsSetting)}
	var errs []error
	fail := func(name string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("%s %w", name, err))
		}
	}
	switch {
	case s.Name == "":
		s.Name = "Hookline"
	case len([]rune(s.Name)) > maxName:
		fail(nameSetting, webhook.Invalid("must have %d characters at most", maxName))
	}
	colour := getenv(accentSetting)
	if colour == "" {
		colour = defaultAccent
	}
	var err error
	s.accent, err = parseAccent(colour)
	fail(accentSetting, err)
	if s.refreshURL != "" {
		fail(refreshSetting, checkRefresh(s.refreshURL))
	}
	s.secure, err = CheckOrigin(origin)
	fail("the portal's address", err)
	if s.ancestors == "" {
		s.ancestors = "'none'"
	} else {
		fail(ancestorsSetting, checkAncestors(s.ancestors))
		if err == nil && !s.secure {
			fail(ancestorsSetting, webhook.Invalid("needs https: browsers send no cookie to a frame otherwise"))
		}
	}
	return s, errors.Join(errs...)
}

func checkRefresh(text string) error {
	if u, err := url.Parse(text); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return webhook.Invalid("must be an absolute URL")
	}
	return nil
}

// checkAncestors accepts origins with spaces between, and nothing that ends the
// directive or is another.
func checkAncestors(text string) error {
	for origin := range strings.FieldsSeq(text) {
		u, err := url.Parse(origin)
		if err != nil || u.Scheme != "https" || !isOrigin(u) || strings.ContainsAny(origin, `;,'"`) {
			return webhook.Invalid("must be origins such as https://app.example.com, with spaces between")
		}
	}
	return nil
}

// isOrigin reports whether a URL has a host, and nothing else but a scheme.
func isOrigin(u *url.URL) bool {
	return u.Host != "" && u.Path == "" && u.RawQuery == "" && !u.ForceQuery && u.Fragment == "" && u.User == nil
}

// CheckOrigin reports whether an origin is https. Over plain http, secrets would
// cross the network in the clear: it refuses that except on loopback.
func CheckOrigin(origin string) (secure bool, err error) {
	u, err := url.Parse(strings.TrimSuffix(origin, "/"))
	if err != nil || !isOrigin(u) {
		return false, webhook.Invalid("must be an origin such as https://hooks.example.com")
	}
	switch {
	case u.Scheme == "https":
		return true, nil
	case u.Scheme == "http" && IsLoopback(u.Host):
		return false, nil
	}
	return false, webhook.Invalid("must be https, except on loopback")
}

// IsLoopback reports whether a host, with or without a port, is a name or address
// of this machine that no other reaches.
func IsLoopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}
