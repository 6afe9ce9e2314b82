package main_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/hookline/hookline/internal/test/emulator"
)

// functionFolders are the folders that are functions.
func functionFolders(t *testing.T) []string {
	t.Helper()
	mains, err := filepath.Glob(filepath.Join(emulator.Root(t), "functions", "*", "main.go"))
	if err != nil || len(mains) == 0 {
		t.Fatalf("no functions: %v", err)
	}
	folders := make([]string, len(mains))
	for i, path := range mains {
		folders[i] = filepath.Base(filepath.Dir(path))
	}
	return folders
}

// resourceName is a function's in template.yaml: squake-register is
// SquakeRegister.
func resourceName(folder string) string {
	var name strings.Builder
	for word := range strings.SplitSeq(folder, "-") {
		name.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return name.String()
}
