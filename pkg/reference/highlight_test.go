package reference

import (
	"html"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// marked writes a class as highlight does.
func marked(class, text string) string {
	return `<span class="` + class + `">` + text + `</span>`
}

func TestHighlight(t *testing.T) {
	for code, want := range map[string]string{
		"# if 1\nif [ \"$a#b\" ]":                       marked("c", "# if 1") + "\n" + marked("k", "if") + " [ " + marked("s", "&#34;$a#b&#34;") + " ]",
		`curl -d 'it'\''s {"a": 1}' ${key#x}`:           "curl -d " + marked("s", "&#39;it&#39;") + `\&#39;` + marked("s", "&#39;s {&#34;a&#34;: 1}&#39;") + " ${key#x}",
		`{"a": "b: \"c\"", "n": [1.5, null]}`:           "{" + marked("n", "&#34;a&#34;") + ": " + marked("s", `&#34;b: \&#34;c\&#34;&#34;`) + ", " + marked("n", "&#34;n&#34;") + ": [" + marked("m", "1.5") + ", " + marked("k", "null") + "]}",
		"def verify(key: str):\n\"\"\"A \"b\".\n\"\"\"": marked("k", "def") + " " + marked("n", "verify") + "(key: " + marked("k", "str") + "):\n" + marked("s", "&#34;&#34;&#34;A &#34;b&#34;.\n&#34;&#34;&#34;"),
		"x := `<a\nb>` // \"c\"\ny = a<1":               "x := " + marked("s", "`&lt;a\nb&gt;`") + " " + marked("c", "// &#34;c&#34;") + "\ny = a&lt;" + marked("m", "1"),
		`fetch("https://a/b?c=1", export_1)`:            marked("n", "fetch") + "(" + marked("s", "&#34;https://a/b?c=1&#34;") + ", export_1)",
	} {
		if diff := cmp.Diff(want, string(highlight(code))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", code, diff)
		}
	}
}

// What is shown is the code, whatever is marked in it.
func TestHighlightKeepsCode(t *testing.T) {
	tags := regexp.MustCompile(`<[^>]*>`)
	requests, err := Requests(All())
	if err != nil {
		t.Fatal(err)
	}
	ways, err := Verifications(All()[1])
	if err != nil {
		t.Fatal(err)
	}
	for _, way := range ways {
		requests[way.Title] = way.Samples
	}
	for name, list := range requests {
		for _, s := range list {
			if diff := cmp.Diff(s.Text, html.UnescapeString(tags.ReplaceAllString(string(s.Code), ""))); diff != "" {
				t.Errorf("%s in %s (-code +shown):\n%s", name, s.Title, diff)
			}
		}
	}
}
