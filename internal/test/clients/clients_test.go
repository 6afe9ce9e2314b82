package clients_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// Clients that are generated from the descriptions compile, register, are
// refused, list, change and delete.
func TestClients(t *testing.T) {
	t.Parallel()
	onlyLong(t)
	dir := t.TempDir()
	openAPIGenerator(t, dir,
		language{"go", func(name string) map[string]any {
			return map[string]any{"packageName": name, "withGoMod": false}
		}},
		language{"python", func(name string) map[string]any { return map[string]any{"packageName": name} }},
		language{"typescript-fetch", func(string) map[string]any { return map[string]any{"importFileExtension": ".js"} }},
	)
	t.Run("go", func(t *testing.T) {
		t.Parallel()
		compare(t, goCustomer(t, "go", filepath.Join(dir, "go")))
	})
	t.Run("python", func(t *testing.T) {
		t.Parallel()
		dir := filepath.Join(dir, "python")
		var path string
		for name := range descriptions(t) {
			path += filepath.Join(dir, name) + string(filepath.ListSeparator)
		}
		customer(t, "python", "main.py", dir)
		env := append(serve(t), "PYTHONPATH="+path, "PYTHONDONTWRITEBYTECODE=1")
		compare(t, run(t, dir, env, tool(t, "python", "bin", "python"), "main.py"))
	})
	t.Run("typescript-fetch", func(t *testing.T) {
		t.Parallel()
		compare(t, typeScriptCustomer(t, "typescript-fetch", filepath.Join(dir, "typescript-fetch")))
	})
}

// goCustomer compiles the Go packages in dir with their customer, and runs it.
// Every package is compiled, also one that the customer does not use.
func goCustomer(t *testing.T, generator, dir string) string {
	t.Helper()
	// The module of the tools pins what clients need.
	for _, name := range []string{"go.mod", "go.sum"} {
		content, err := os.ReadFile(filepath.Join("..", "..", "..", "infra", "tools", "clients", "go", name))
		if err != nil {
			t.Fatal(err)
		}
		write(t, dir, name, string(content))
	}
	customer(t, generator, "main.go", dir)
	offline := []string{"GOFLAGS=-mod=readonly", "GOPROXY=off", "GOWORK=off", "CGO_ENABLED=0"}
	for name := range descriptions(t) {
		if err := os.RemoveAll(filepath.Join(dir, name, "test")); err != nil { // needs a module for tests
			t.Fatal(err)
		}
	}
	run(t, dir, offline, "go", "build", "./...")
	run(t, dir, offline, "go", "build", "-o", "customer", ".")
	return run(t, dir, serve(t), filepath.Join(dir, "customer"))
}

// typeScriptCustomer checks the types of what is in dir with its customer,
// strictly, and runs it.
func typeScriptCustomer(t *testing.T, generator, dir string) string {
	t.Helper()
	node := installed(t, "node", "what is generated for TypeScript runs on it")
	customer(t, generator, "main.ts", dir)
	write(t, dir, "package.json", `{"type": "module"}`)
	modules := tool(t, "node", "node_modules")
	if err := os.Symlink(modules, filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	files := []string{"main.ts"}
	for name := range descriptions(t) {
		for _, file := range []string{filepath.Join(name, "index.ts"), name + ".d.ts"} {
			if _, err := os.Stat(filepath.Join(dir, file)); err == nil {
				files = append(files, file)
			}
		}
	}
	config, err := json.Marshal(map[string]any{"files": files, "compilerOptions": map[string]any{
		"strict": true, "target": "es2022", "module": "nodenext", "lib": []string{"es2022", "dom", "dom.iterable"},
		"types": []string{}, "outDir": "js",
	}})
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, "tsconfig.json", string(config))
	run(t, dir, nil, node, filepath.Join(modules, "typescript", "bin", "tsc"))
	return run(t, dir, serve(t), node, filepath.Join("js", "main.js"))
}
