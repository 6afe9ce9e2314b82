package infra_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

// The words that names here are not made of, since strangers do not know them
// or know them as something else (CONTRIBUTING.md, "House style").
var (
	// leftWords are in no name, whatever stands beside them.
	leftWords = words(`aim aimed dialect dialects door entrance entrances visit visits judge judged
		judges obstacle obstacles refusal refusals settle settled settles settlement settlements verdict
		verdicts unfinished finder finders lister listers patience hush standing surroundings bubble`)
	// leftNames are no names by themselves; the first letter's case counts not.
	leftNames = words(`answer answers problem problems subject subjects targets task tasks mark marks
		missed fault faults eventFault kept world cloud place places`)
	// leftTypes are no names of types or methods either. As a parameter, target
	// is what errors.Is calls it.
	leftTypes = words(`target`)
	// leftSentences were log messages and alarms.
	leftSentences = []string{"a message goes back", "sealing key stands", "OurFaults", "DeadLettersThere"}
)

func words(list string) map[string]bool {
	set := map[string]bool{}
	for _, word := range strings.Fields(list) {
		set[word] = true
	}
	return set
}

// leftWord gives what of a name is to be called otherwise; empty for a good
// name.
func leftWord(name string, isType bool) string {
	lower := strings.ToLower(name[:1]) + name[1:]
	if leftNames[lower] || isType && leftTypes[lower] {
		return name
	}
	for _, word := range splitName(name) {
		if leftWords[strings.ToLower(word)] {
			return word
		}
	}
	return ""
}

// splitName splits a name before each word in capitals.
func splitName(name string) []string {
	var list []string
	runes := []rune(name)
	start := 0
	for i := 1; i <= len(runes); i++ {
		boundary := i == len(runes) || runes[i] == '_' ||
			unicode.IsUpper(runes[i]) && (!unicode.IsUpper(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1]))
		if boundary {
			list = append(list, strings.Trim(string(runes[start:i]), "_"))
			start = i
		}
	}
	return list
}

// trackedFiles lists the files of the checkout that match a pattern of git's.
func trackedFiles(t *testing.T, patterns ...string) []string {
	t.Helper()
	list := exec.CommandContext(t.Context(), "git", append([]string{"ls-files", "--cached", "--others", "--exclude-standard", "--"}, patterns...)...)
	list.Dir = root
	out, err := list.Output()
	if err != nil {
		t.Fatalf("git ls-files: %v", err)
	}
	var files []string
	for name := range strings.Lines(string(out)) {
		name = strings.TrimSpace(name)
		if _, err := os.Stat(filepath.Join(root, name)); err == nil && !strings.Contains(name, "/testdata/") {
			files = append(files, name)
		}
	}
	if len(files) == 0 {
		t.Fatalf("no file matches %v", patterns)
	}
	return files
}

// declared calls found for each name that a file declares.
func declared(file *ast.File, found func(id *ast.Ident, isType bool)) {
	names := func(isType bool, ids ...*ast.Ident) {
		for _, id := range ids {
			found(id, isType)
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.File:
			names(false, n.Name)
		case *ast.FuncDecl:
			names(n.Recv != nil, n.Name)
		case *ast.TypeSpec:
			names(true, n.Name)
		case *ast.ValueSpec:
			names(false, n.Names...)
		case *ast.Field:
			names(false, n.Names...)
		case *ast.AssignStmt:
			for _, left := range n.Lhs {
				if id, ok := left.(*ast.Ident); ok && n.Tok == token.DEFINE {
					names(false, id)
				}
			}
		case *ast.RangeStmt:
			for _, left := range []ast.Expr{n.Key, n.Value} {
				if id, ok := left.(*ast.Ident); ok && n.Tok == token.DEFINE {
					names(false, id)
				}
			}
		}
		return true
	})
}

// Names are made of the field's words.
func TestWordsOfNames(t *testing.T) {
	checked := 0
	for _, name := range trackedFiles(t, "*.go") {
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, filepath.Join(root, name), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		// Its business are the faults that it makes.
		faulty := strings.Contains(name, "faultproxy")
		declared(file, func(id *ast.Ident, isType bool) {
			checked++
			if faulty && strings.HasPrefix(strings.ToLower(id.Name), "fault") {
				return
			}
			if word := leftWord(id.Name, isType); word != "" {
				t.Errorf("%s:%d: %s: call %q by a word of the field (CONTRIBUTING.md, Words)", name, fset.Position(id.Pos()).Line, id.Name, word)
			}
		})
	}
	if checked < 10_000 {
		t.Errorf("only %d names were checked", checked)
	}
}

// Log messages are made of them too. They are what alarms and queries look for.
func TestWordsOfLogMessages(t *testing.T) {
	checked := 0
	for _, name := range trackedFiles(t, "cmd/*.go", "functions/*.go", "pkg/*.go") {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, name), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			message, ok := logMessage(n)
			if !ok {
				return true
			}
			checked++
			checkSentence(t, name, message)
			return true
		})
	}
	if checked < 20 {
		t.Errorf("only %d log messages were found", checked)
	}
}

// logMessage gives the message of a call of a slog.Logger.
func logMessage(n ast.Node) (string, bool) {
	call, ok := n.(*ast.CallExpr)
	if !ok {
		return "", false
	}
	method, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || !regexp.MustCompile(`^(Debug|Info|Warn|Error)(Context)?$|^Log(Attrs)?$`).MatchString(method.Sel.Name) {
		return "", false
	}
	for _, argument := range call.Args {
		if literal, ok := argument.(*ast.BasicLit); ok && literal.Kind == token.STRING {
			text, err := strconv.Unquote(literal.Value)
			return text, err == nil
		}
	}
	return "", false
}

// checkSentence reports words of a text that are to be others.
func checkSentence(t *testing.T, where, text string) {
	t.Helper()
	for _, word := range regexp.MustCompile(`[A-Za-z]+`).FindAllString(text, -1) {
		if leftWords[strings.ToLower(word)] {
			t.Errorf("%s: %q has the word %q (CONTRIBUTING.md, Words)", where, text, word)
		}
	}
	for _, sentence := range leftSentences {
		if strings.Contains(text, sentence) {
			t.Errorf("%s: %q is said otherwise now (CHANGELOG.md)", where, sentence)
		}
	}
}

// So are the names and the descriptions of alarms.
func TestWordsOfAlarms(t *testing.T) {
	tm := readTemplate(t, "infra/operations.yaml")
	for _, name := range tm.ofType(t, "AWS::CloudWatch::Alarm") {
		if word := leftWord(name, true); word != "" {
			t.Errorf("alarm %s: call %q otherwise", name, word)
		}
		var properties struct{ AlarmDescription string }
		tm.Resources[name].properties(t, &properties)
		checkSentence(t, name, name+": "+properties.AlarmDescription)
	}
}

// What has three words in other projects has one here: API. It is a column of
// SQLite's tables, whose names the files of earlier versions have.
func TestNoOtherWordForAPI(t *testing.T) {
	word := regexp.MustCompile(`(?i)dialect`)
	for _, name := range trackedFiles(t) {
		if name == "infra/words_test.go" || name == "CHANGELOG.md" || strings.HasPrefix(name, "pkg/store/sqlite/") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(text), "\n") {
			if word.MatchString(line) {
				t.Errorf("%s:%d: %q: say API", name, i+1, strings.TrimSpace(line))
			}
		}
	}
}

// The rule finds what it is for.
func TestLeftWord(t *testing.T) {
	for _, tt := range []struct {
		name   string
		isType bool
		want   string
	}{
		{"findDialect", false, "Dialect"}, {"Door", true, "Door"}, {"writePatience", false, "Patience"}, {"answer", false, "answer"},
		{"Answer", true, "Answer"}, {"Target", true, "Target"}, {"target", false, ""}, {"errFault", false, ""},
		{"judgeURL", false, "judge"}, {"EventKey", true, ""}, {"replace", false, ""}, {"TestVerdicts", false, "Verdicts"},
	} {
		if got := leftWord(tt.name, tt.isType); got != tt.want {
			t.Errorf("leftWord(%q, %v) = %q, want %q", tt.name, tt.isType, got, tt.want)
		}
	}
}
