package functions_test

import (
	"bytes"
	"debug/buildinfo"
	"debug/elf"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/hookline/hookline/internal/test/emulator"
	"github.com/hookline/hookline/pkg/api/all"
	"github.com/hookline/hookline/pkg/operator"
)

// maxProgram is the largest program in bytes. A function's first start reads
// all of it. Those that deliver, for which nobody waits at a start, may be
// larger: they are of all APIs at once. So may those with pages: templates call
// methods by their names, for which the linker keeps those of all types.
const (
	maxProgram    = 10_000_000
	maxDelivering = 11_500_000
	maxPages      = 13_500_000
)

// unwanted are modules that have no place in a function: the SDK's configuration
// machinery, SQLite, and KMS in all but the one that opens keys.
var unwanted = []string{
	"github.com/aws/aws-sdk-go-v2/config",
	"github.com/aws/aws-sdk-go-v2/credentials",
	"github.com/aws/aws-sdk-go-v2/service/kms",
	"github.com/aws/aws-sdk-go-v2/service/sts",
	"modernc.org/",
}

func TestProgramsAreSmall(t *testing.T) {
	resources := map[string]int64{
		"Keyring": maxProgram, "Publish": maxDelivering, "Operate": maxDelivering, "Deliver": maxDelivering, "Sweep": maxDelivering,
		"Portal": maxPages, "PortalOperator": maxPages,
	}
	for _, resource := range apiFunctions() {
		resources[resource] = maxProgram
	}
	resources["Docs"] = maxDelivering
	for resource, largest := range resources {
		program := emulator.Program(t, resource)
		info, err := os.Stat(program)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d bytes", resource, info.Size())
		if info.Size() > largest {
			t.Errorf("%s has %d bytes, want at most %d", resource, info.Size(), largest)
		}
		checkLinking(t, program)
	}
}

// maxInitialised is how many bytes the packages of a register function allocate
// before main at most, for which each first request waits. The tables of
// DynamoDB's SDK from 1.69 on would make it four times as many.
const maxInitialised = 250_000

func TestProgramsInitialiseLittle(t *testing.T) {
	for _, resource := range apiFunctions() {
		cmd := exec.CommandContext(t.Context(), emulator.Program(t, resource))
		cmd.Env = []string{"GODEBUG=inittrace=1"}
		printed, err := cmd.CombinedOutput()
		if err == nil {
			t.Errorf("%s starts without any setting", resource)
		}
		packages, sum := 0, 0
		for _, found := range regexp.MustCompile(`(?m)^init \S+ @.* clock, (\d+) bytes,`).FindAllSubmatch(printed, -1) {
			n, err := strconv.Atoi(string(found[1]))
			if err != nil {
				t.Fatal(err)
			}
			packages, sum = packages+1, sum+n
		}
		t.Logf("%s: %d bytes by %d packages", resource, sum, packages)
		if packages == 0 || sum > maxInitialised {
			t.Errorf("%d packages of %s allocate %d bytes before main, want at most %d", packages, resource, sum, maxInitialised)
		}
	}
}

// checkLinking holds a program to be stripped and to need nothing else to run.
func checkLinking(t *testing.T, program string) {
	t.Helper()
	file, err := elf.Open(program)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	for _, section := range []string{".symtab", ".debug_info", ".zdebug_info"} {
		if file.Section(section) != nil {
			t.Errorf("%s has %s: it is not stripped", program, section)
		}
	}
	if file.Section(".interp") != nil {
		t.Errorf("%s is linked to shared libraries", program)
	}
}

func TestFunctionsCarryNothingNeedless(t *testing.T) {
	for _, resource := range slices.Concat(dispatchers, apiFunctions()) {
		built, err := buildinfo.ReadFile(emulator.Program(t, resource))
		if err != nil {
			t.Fatal(err)
		}
		if len(built.Deps) == 0 {
			t.Fatalf("%s names no modules", resource)
		}
		for _, module := range built.Deps {
			for _, prefix := range unwanted {
				if resource == "Deliver" && strings.HasSuffix(prefix, "/kms") {
					continue // it opens keys
				}
				if strings.HasPrefix(module.Path, prefix) {
					t.Errorf("%s carries %s", resource, module.Path)
				}
			}
		}
	}
}

// The functions do not carry the APIs' descriptions, which the local server
// shows.
func TestFunctionsCarryNoDescription(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if !describes(t, self) {
		t.Fatal("this program has the descriptions, and none was found in it")
	}
	for _, resource := range slices.Concat(dispatchers, apiFunctions()) {
		if describes(t, emulator.Program(t, resource)) {
			t.Errorf("%s carries a description", resource)
		}
	}
}

// describes reports whether a program has the description of an API in it.
func describes(t *testing.T, program string) bool {
	t.Helper()
	content, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	described := all.OpenAPI()
	described[operator.Name] = operator.OpenAPI()
	for _, text := range described {
		if bytes.Contains(content, []byte(text)) {
			return true
		}
	}
	return false
}

// A function that lacks a table that it needs says so instead of starting.
func TestShoptetManageNeedsDeliveries(t *testing.T) {
	env := newStack(t).environment(t, "ShoptetManage")
	delete(env, "HOOKLINE_DELIVERIES_TABLE")
	function := emulator.Start(t, emulator.Program(t, "ShoptetManage"), env)
	response, err := function.Invoke(t.Context(), readSample(t, "shoptet-manage/no-token"))
	if err == nil && strings.Contains(string(response), `"statusCode"`) {
		t.Errorf("it answers: %s", response)
	}
	function.AwaitOutput(t, "HOOKLINE_DELIVERIES_TABLE: must be set", 1)
}
