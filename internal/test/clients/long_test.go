package clients_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hookline/hookline/internal/test/long"
)

// onlyLong skips a test of what generators make: by itself it takes half a
// minute, and its tools longer to install. Every description is held to what
// the generators understand wherever tests run (TestDescriptionsKeepTheRules).
func onlyLong(t *testing.T) {
	t.Helper()
	if !long.Pick(false, true) {
		t.Skip("make test-long generates clients")
	}
}

// Clients in more languages, and of generators that make one language only, do
// the same as those of TestClients.
func TestMoreClients(t *testing.T) {
	t.Parallel()
	onlyLong(t)
	t.Run("openapi-generator", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		openAPIGenerator(t, dir,
			language{"java", func(name string) map[string]any {
				return map[string]any{
					"library": "native", "invokerPackage": "client." + name,
					"apiPackage": "client." + name + ".api", "modelPackage": "client." + name + ".model",
				}
			}},
			language{"php", func(name string) map[string]any {
				return map[string]any{"invokerPackage": `Client\` + strings.ToUpper(name[:1]) + name[1:]}
			}},
		)
		t.Run("java", func(t *testing.T) { compare(t, javaCustomer(t, filepath.Join(dir, "java"))) })
		t.Run("php", func(t *testing.T) {
			php := installed(t, "php", "on Debian: apt-get install php-cli php-curl php-mbstring php-guzzlehttp-guzzle")
			customer(t, "php", "main.php", filepath.Join(dir, "php"))
			compare(t, run(t, filepath.Join(dir, "php"), serve(t), php, "main.php"))
		})
	})
	t.Run("oapi-codegen", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		for name, file := range descriptions(t) {
			if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
				t.Fatal(err)
			}
			run(t, dir, nil, tool(t, "bin", "oapi-codegen"), "-generate", "types,client", "-package", name,
				"-o", filepath.Join(name, "client.go"), file)
		}
		compare(t, goCustomer(t, "oapi-codegen", dir))
	})
	t.Run("openapi-python-client", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		bin := filepath.Dir(tool(t, "python", "bin", "python"))
		env := []string{"PATH=" + bin + string(filepath.ListSeparator) + os.Getenv("PATH")} // it formats with ruff
		for name, file := range descriptions(t) {
			run(t, dir, env, filepath.Join(bin, "python"), "-m", "openapi_python_client", "generate",
				"--path", file, "--output-path", name, "--meta", "none")
		}
		customer(t, "openapi-python-client", "main.py", dir)
		compare(t, run(t, dir, serve(t), filepath.Join(bin, "python"), "main.py"))
	})
	t.Run("openapi-typescript", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		for name, file := range descriptions(t) {
			run(t, dir, nil, tool(t, "node", "node_modules", ".bin", "openapi-typescript"), file, "-o", name+".d.ts")
		}
		compare(t, typeScriptCustomer(t, "openapi-typescript", dir))
	})
}

// javaCustomer compiles the Java clients in dir, all of each, with their
// customer, and runs it.
func javaCustomer(t *testing.T, dir string) string {
	t.Helper()
	customer(t, "java", "Main.java", dir)
	sources := []string{"Main.java"}
	for name := range descriptions(t) {
		for _, pattern := range []string{"*.java", "*/*.java"} {
			found, err := filepath.Glob(filepath.Join(dir, name, "src", "main", "java", "client", name, pattern))
			if err != nil || len(found) == 0 {
				t.Fatalf("%s: found %q, %v", name, found, err)
			}
			sources = append(sources, found...)
		}
	}
	write(t, dir, "sources", strings.Join(sources, "\n"))
	classes := filepath.Join(filepath.Dir(tool(t, "java", "openapi-generator-cli-*.jar")), "*") +
		string(filepath.ListSeparator) + filepath.Join(dir, "classes")
	run(t, dir, nil, installed(t, "javac", "it is in a JDK"), "-nowarn", "-proc:none", "-cp", classes, "-d", "classes", "@sources")
	return run(t, dir, serve(t), installed(t, "java", "the clients run on it"), "-cp", classes, "Main")
}
