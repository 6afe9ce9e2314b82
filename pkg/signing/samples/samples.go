// Package samples has code that verifies the signatures of deliveries, in five
// languages, for receivers to copy: by Standard Webhooks, and by a header of an
// API's own. The portal and the pages of the APIs show the same code, which the
// tests of cmd/hookline run against deliveries of each API.
package samples

import (
	"embed"
	"strings"
)

// files are the code, by "<kind>.<ending of the language>.txt".
//
//go:embed *.txt
var files embed.FS

// Language is one in which there is code. Name has small letters only. Ending
// is that of its files, without the dot.
type Language struct{ Name, Title, Ending string }

// Languages returns all, in the order in which they are shown.
func Languages() []Language {
	return []Language{
		{"shell", "Shell", "sh"}, {"node", "Node.js", "mjs"}, {"python", "Python", "py"}, {"go", "Go", "go"}, {"php", "PHP", "php"},
	}
}

// Sample is code in one language.
type Sample struct {
	Language
	Text string
}

// Standard returns the code that verifies by Standard Webhooks, which each
// language has.
func Standard() []Sample { return read("standard", strings.NewReplacer()) }

// Own returns the code that verifies by a header of an API's own. The header
// holds the HMAC over the body in hexadecimal digits, keyed with the text of the
// signing key. The hash is "sha1" or "sha256".
func Own(header, hash string) []Sample {
	lower, variable := strings.ToLower(header), strings.ReplaceAll(header, "-", "_")
	return read("own", strings.NewReplacer(
		"Header-Name", header, "header-name", lower,
		"header_name", strings.ToLower(variable), "HEADER_NAME", strings.ToUpper(variable),
		"sha256", hash,
	))
}

func read(kind string, names *strings.Replacer) []Sample {
	var list []Sample
	for _, l := range Languages() {
		text, err := files.ReadFile(kind + "." + l.Ending + ".txt")
		if err != nil {
			panic("samples: a file is not embedded") // in no program that passed a test
		}
		list = append(list, Sample{l, names.Replace(string(text))})
	}
	return list
}
