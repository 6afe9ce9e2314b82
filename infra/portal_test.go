package infra_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/hookline/hookline/pkg/portal"
)

// What a parameter of the portal takes, the function takes too: else every page
// would fail after a deployment that did not.
func TestPortalParameters(t *testing.T) {
	parameters := readTemplate(t, "template.yaml").Parameters
	for _, tt := range []struct{ parameter, variable, takes, refuses string }{
		{"PortalName", "HOOKLINE_PORTAL_NAME", `|Acme|Ácmé "hooks" <b>`, "two\nlines"},
		{"PortalAccent", "HOOKLINE_PORTAL_ACCENT", "|#3b5bdb|#FFFFFF|#000000", "red|#fff|3b5bdb|#3b5bdg"},
		{
			"PortalRefreshUrl", "HOOKLINE_PORTAL_REFRESH_URL",
			"|https://acme.example.com|http://acme.example.com:8080/hooks?a=b&c=%20#d|https://xn--cme-yka.example/",
			"acme.example.com|ftp://acme.example.com|https://|https://[::1|https://a/%zz|https://a b|javascript:alert(1)",
		},
		{
			"PortalFrameAncestors", "HOOKLINE_PORTAL_FRAME_ANCESTORS",
			"|https://app.example.com|https://app.example.com:8443 https://acme.example.com",
			"http://app.example.com|https://app.example.com/|'self'|*|https://*.example.com|https://a.example.com; script-src *|https://a.example.com,https://b.example.com",
		},
	} {
		parameter, _ := parameters[tt.parameter].(map[string]any)
		pattern, _ := parameter["AllowedPattern"].(string)
		allowed := regexp.MustCompile(pattern)
		for value := range strings.SplitSeq(tt.takes, "|") {
			_, err := portal.ReadSettings(func(name string) string { return map[string]string{tt.variable: value}[name] }, "https://hooks.example.com")
			if !allowed.MatchString(value) || err != nil {
				t.Errorf("%s refuses %q: %v", tt.parameter, value, err)
			}
		}
		for value := range strings.SplitSeq(tt.refuses, "|") {
			if allowed.MatchString(value) {
				t.Errorf("%s takes %q", tt.parameter, value)
			}
		}
	}
}
