package portal

import (
	"embed"
	"path"
	"strings"

	"github.com/hookline/hookline/pkg/api"
)

// sampleFiles verify a signature in several languages: "standard" that of
// Standard Webhooks, "own" that of an API. Tests run them.
//
//go:embed samples
var sampleFiles embed.FS

// languages are those of the samples, by the ending of the file.
var languages = []struct{ name, ending string }{
	{"curl and openssl", ".sh"}, {"Node.js", ".js"}, {"Python", ".py"}, {"Go", ".go.txt"}, {"PHP", ".php"},
}

// standardSamples verify the signature of Standard Webhooks.
func standardSamples() []code { return samples("standard", api.Verification{}) }

// ownSamples verify an API's own signature.
func ownSamples(v api.Verification) []code { return samples("own", v) }

func samples(kind string, v api.Verification) []code {
	replacer := strings.NewReplacer(
		"HEADER", v.Header, "LOWER", strings.ToLower(v.Header), "HASH", v.Hash,
		"VARIABLE", "HTTP_"+strings.ToUpper(strings.ReplaceAll(v.Header, "-", "_")),
	)
	of := "for " + v.Header
	if kind == "standard" {
		replacer, of = strings.NewReplacer(), "for Standard Webhooks"
	}
	var list []code
	for _, l := range languages {
		text, err := sampleFiles.ReadFile(path.Join("samples", kind+l.ending))
		if err != nil {
			panic("portal: a sample is not embedded")
		}
		list = append(list, code{ID: kind + strings.ReplaceAll(l.ending, ".", "-"), Label: l.name, Title: "verify" + strings.TrimSuffix(l.ending, ".txt"), Of: of, Text: replacer.Replace(string(text))})
	}
	return list
}
