package infra_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/hookline/hookline/"

// importRules say what must not be reached, directly or through others. Both
// are patterns: a package of this module starts with no dot in its first
// element ("pkg/..."), and "/..." means the folder and all below it.
var importRules = []struct{ name, of, never string }{
	{"the words are the standard library's", "pkg/webhook", "*.*/..."},
	{"no API knows a store", "pkg/api/...", "pkg/store/..."},
	{"no API knows AWS", "pkg/api/...", "github.com/aws/..."},
	{"no store knows an API", "pkg/store/...", "pkg/api/..."},
	{"the rules know no API", "pkg/registry", "pkg/api/..."},
	{"the rules know no store", "pkg/registry", "pkg/store/..."},
	{"the rules know no AWS", "pkg/registry", "github.com/aws/..."},
	{"the rules know no HTTP", "pkg/registry", "net/http"},
	{"no function carries SQLite's store", "functions/...", "pkg/store/sqlite"},
	{"no function carries SQLite", "functions/...", "modernc.org/..."},
	{"what registers opens nothing", "functions/*-register", "pkg/seal/open/..."},
	{"what registers asks KMS for nothing", "functions/*-register", "github.com/aws/aws-sdk-go-v2/service/kms/..."},
	{"what manages opens nothing", "functions/*-manage", "pkg/seal/open/..."},
	{"what manages asks KMS for nothing", "functions/*-manage", "github.com/aws/aws-sdk-go-v2/service/kms/..."},
	{"values are checked without the network", "pkg/validate", "net/http"},
	{"delivery knows no store", "pkg/delivery/...", "pkg/store/..."},
	{"delivery knows no queue", "pkg/delivery/...", "pkg/queue/..."},
	{"delivery knows no AWS", "pkg/delivery/...", "github.com/aws/..."},
	{"delivery knows no API", "pkg/delivery/...", "pkg/api/..."},
	{"attempts are made by something else", "pkg/delivery", "pkg/delivery/sender"},
	{"no API knows how events are delivered", "pkg/api/...", "pkg/delivery/..."},
	{"no API knows a queue", "pkg/api/...", "pkg/queue/..."},
	{"no store knows how events are delivered", "pkg/store/...", "pkg/delivery/..."},
	{"no queue knows how events are delivered", "pkg/queue/...", "pkg/delivery/..."},
	{"notices know no AWS but their own carrier", "pkg/notice", "github.com/aws/..."},
	{"notices know no API", "pkg/notice/...", "pkg/api/..."},
	{"no queue knows a store", "pkg/queue/...", "pkg/store/..."},
	{"no queue knows an API", "pkg/queue/...", "pkg/api/..."},
	{"the local queue knows no AWS", "pkg/queue/local", "github.com/aws/..."},
	{"the operator's API knows no store", "pkg/operator", "pkg/store/..."},
	{"the operator's API knows no queue", "pkg/operator", "pkg/queue/..."},
	{"the operator's API knows no customers' API", "pkg/operator", "pkg/api/*"},
	{"the portal knows no store", "pkg/portal/...", "pkg/store/..."},
	{"the portal knows no queue", "pkg/portal/...", "pkg/queue/..."},
	{"the portal knows no AWS", "pkg/portal/...", "github.com/aws/..."},
	{"the portal knows no customers' API", "pkg/portal/...", "pkg/api/*"},
	{"the portal opens nothing", "pkg/portal/...", "pkg/seal/open/..."},
	{"the portal reaches no receiver", "pkg/portal/...", "pkg/delivery/sender"},
	{"the client carries no server", "pkg/client", "pkg/..."},
	{"what receives knows nothing of what sends", "pkg/receiver", "pkg/signing/..."},
	{"what publishes opens nothing", "functions/publish", "pkg/seal/open/..."},
	{"what publishes asks KMS for nothing", "functions/publish", "github.com/aws/aws-sdk-go-v2/service/kms/..."},
	{"what publishes reaches no receiver", "functions/publish", "pkg/delivery/sender"},
	{"what operates opens nothing", "functions/operate", "pkg/seal/open/..."},
	{"what operates asks KMS for nothing", "functions/operate", "github.com/aws/aws-sdk-go-v2/service/kms/..."},
	{"what operates reaches no receiver", "functions/operate", "pkg/delivery/sender"},
	{"the pages open nothing", "functions/portal*", "pkg/seal/open/..."},
	{"the pages ask KMS for nothing", "functions/portal*", "github.com/aws/aws-sdk-go-v2/service/kms/..."},
	{"the pages reach no receiver", "functions/portal*", "pkg/delivery/sender"},
	{"what sweeps opens nothing", "functions/sweep", "pkg/seal/open/..."},
	{"what sweeps asks KMS for nothing", "functions/sweep", "github.com/aws/aws-sdk-go-v2/service/kms/..."},
	{"what sweeps reaches no receiver", "functions/sweep", "pkg/delivery/sender"},
	{"what shows the docs knows no store", "functions/docs", "pkg/store/..."},
	{"what shows the docs asks AWS for nothing", "functions/docs", "github.com/aws/aws-sdk-go-v2/..."},
	{"what registers sends nothing", "functions/*-register", "github.com/aws/aws-sdk-go-v2/service/sqs/..."},
	{"what manages sends nothing", "functions/*-manage", "github.com/aws/aws-sdk-go-v2/service/sqs/..."},
	{"no function measures by OpenTelemetry", "functions/...", "go.opentelemetry.io/..."},
	{"no function measures by Prometheus", "functions/...", "github.com/prometheus/..."},
	{"no function has metrics of its own", "functions/...", "pkg/metrics"},
	{"no API knows how it is measured", "pkg/api/...", "go.opentelemetry.io/..."},
	{"the operator's API does not know how it is measured", "pkg/operator", "go.opentelemetry.io/..."},
	{"delivery does not know how it is measured", "pkg/delivery/...", "go.opentelemetry.io/..."},
	{"no queue knows how it is measured", "pkg/queue/...", "go.opentelemetry.io/..."},
	{"no store knows how it is measured", "pkg/store/...", "go.opentelemetry.io/..."},
	{"no function has a queue of its own", "functions/...", "pkg/queue/local"},
}

// supports are packages below pkg/api that are no API.
var supports = []string{"pkg/api/all"}

// listed is what `go list` says of one package.
type listed struct {
	ImportPath string
	Deps       []string
}

// packages lists this module's packages with all that each reaches, by path
// without the module's own.
func packages(t *testing.T) map[string][]string {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Deps", "./...")
	list.Dir = root
	out, err := list.Output()
	if err != nil {
		var failed *exec.ExitError
		if errors.As(err, &failed) {
			t.Fatalf("go list: %v\n%s", err, failed.Stderr)
		}
		t.Fatal(err)
	}
	found := map[string][]string{}
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return found
		} else if err != nil {
			t.Fatal(err)
		}
		for i, dep := range p.Deps {
			p.Deps[i] = strings.TrimPrefix(dep, module)
		}
		found[strings.TrimPrefix(p.ImportPath, module)] = p.Deps
	}
}

// matches reports whether a package is of a pattern of importRules.
func matches(pattern, pkg string) bool {
	prefix, deep := strings.CutSuffix(pattern, "/...")
	if deep {
		elements := strings.Split(pkg, "/")
		n := strings.Count(prefix, "/") + 1
		pkg = strings.Join(elements[:min(n, len(elements))], "/")
	}
	ok, err := path.Match(prefix, pkg)
	return ok && err == nil
}

func TestImportRules(t *testing.T) {
	all := packages(t)
	for _, rule := range importRules {
		t.Run(strings.ReplaceAll(rule.name, " ", "-"), func(t *testing.T) {
			checked := 0
			for pkg, deps := range all {
				if !matches(rule.of, pkg) || slices.Contains(supports, pkg) {
					continue
				}
				checked++
				for _, dep := range deps {
					if matches(rule.never, dep) {
						t.Errorf("%s reaches %s", pkg, dep)
					}
				}
			}
			if checked == 0 {
				t.Errorf("no package is %s", rule.of)
			}
		})
	}
}

// The APIs don't know each other.
func TestAPIsAreApart(t *testing.T) {
	all := packages(t)
	var apis []string
	for pkg := range all {
		if matches("pkg/api/*", pkg) && !slices.Contains(supports, pkg) {
			apis = append(apis, pkg)
		}
	}
	if len(apis) < 3 {
		t.Fatalf("found the APIs %v, want at least three", apis)
	}
	for _, api := range apis {
		for _, other := range apis {
			if slices.Contains(all[api], other) {
				t.Errorf("%s reaches %s", api, other)
			}
		}
	}
}

func TestMatches(t *testing.T) {
	for _, tt := range []struct {
		pattern, pkg string
		want         bool
	}{
		{"pkg/store/...", "pkg/store", true},
		{"pkg/store/...", "pkg/store/sqlite", true},
		{"pkg/store/...", "pkg/stores", false},
		{"pkg/api/*", "pkg/api/squake", true},
		{"pkg/api/*", "pkg/api", false},
		{"pkg/api/*", "pkg/api/squake/wire", false},
		{"functions/*-register", "functions/squake-register", true},
		{"functions/*-register", "functions/keyring", false},
		{"modernc.org/...", "modernc.org/sqlite/lib", true},
		{"*.*/...", "github.com/aws/aws-lambda-go/cfn", true},
		{"*.*/...", "net/http", false},
	} {
		if got := matches(tt.pattern, tt.pkg); got != tt.want {
			t.Errorf("matches(%q, %q) = %v, want %v", tt.pattern, tt.pkg, got, tt.want)
		}
	}
}
