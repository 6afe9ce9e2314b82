package emulator

import (
	"path/filepath"
	"strings"
	"testing"
)

// Folders lists the functions by their folders in functions/.
func Folders(t testing.TB) []string {
	t.Helper()
	mains, err := filepath.Glob(filepath.Join(Root(t), "functions", "*", "main.go"))
	if err != nil {
		t.Fatal(err)
	}
	if len(mains) == 0 {
		t.Fatal("no folder functions/<name> has a main.go")
	}
	folders := make([]string, len(mains))
	for i, path := range mains {
		folders[i] = filepath.Base(filepath.Dir(path))
	}
	return folders
}

// ResourceName returns the name in template.yaml of the function in a folder:
// squake-register is SquakeRegister.
func ResourceName(folder string) string {
	var name strings.Builder
	for part := range strings.SplitSeq(folder, "-") {
		name.WriteString(strings.ToUpper(part[:1]) + part[1:])
	}
	return name.String()
}
