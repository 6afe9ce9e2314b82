package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/hookline/hookline/internal/test/signed"
	"github.com/hookline/hookline/pkg/operator"
)

// ways are how commands get at their data: by themselves, and through the API
// with a token or with AWS credentials.
func ways() []string { return []string{"data", "url", "sigv4"} }

// reach is how commands reach a server: flags, and variables of the environment.
type reach struct {
	flags       []string
	environment map[string]string
	// note is called with each request that is signed.
	note func(method, path string)
}

// reachBy prepares one of the ways through the API to a server.
func reachBy(t testing.TB, way string, s *instance) *reach {
	t.Helper()
	var token strings.Builder
	create := []string{"hookline", "token", "create", "--operator", "--rights", "publish,read,write", "--data", s.data}
	if err := testProgram(noSettings, &token, io.Discard).run(t.Context(), create); err != nil {
		t.Fatal(err)
	}
	r := &reach{note: func(string, string) {}}
	if way == "url" {
		r.flags, r.environment = []string{"--url", s.URL}, map[string]string{"HOOKLINE_TOKEN": strings.TrimSpace(token.String())}
		return r
	}
	r.flags, r.environment = []string{"--url", r.gateway(t, s.URL, strings.TrimSpace(token.String())), "--sigv4"}, awsEnvironment()
	return r
}

// gateway stands in for API Gateway before a server: to the operator's routes it
// lets through what is signed, and nothing else.
func (r *reach) gateway(t testing.TB, server, token string) (address string) {
	t.Helper()
	recipient, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	operators := signed.Handler(&httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) {
		r.note(p.In.Method, p.In.URL.Path)
		p.SetURL(recipient)
		p.Out.Header.Set("Authorization", "Bearer "+token)
	}})
	routes := http.NewServeMux()
	routes.Handle("/", httputil.NewSingleHostReverseProxy(recipient))
	routes.Handle(operator.Path, operators)
	routes.Handle(operator.Prefix+"/", operators)
	stand := httptest.NewServer(routes)
	t.Cleanup(stand.Close)
	return stand.URL
}

// getenv returns the variables of the way.
func (r *reach) getenv(name string) string { return r.environment[name] }

// run runs a command the way that was prepared, and gives what it wrote.
func (r *reach) run(t *testing.T, change func(*program), args ...string) (out, said string, err error) {
	t.Helper()
	var stdout, stderr strings.Builder
	p := testProgram(r.getenv, &stdout, &stderr)
	change(p)
	err = p.run(t.Context(), append(append([]string{"hookline"}, args...), r.flags...))
	return strings.TrimSpace(stdout.String()), stderr.String(), err
}

// throughTheAPI runs a test the two ways through the API.
func throughTheAPI(t *testing.T, test func(*testing.T, string)) {
	for _, way := range ways()[1:] {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			test(t, way)
		})
	}
}

// unchanged leaves a program as it is.
func unchanged(*program) {}
