package main

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
	"github.com/alecthomas/kong"
	"github.com/joho/godotenv"

	"github.com/hookline/hookline/pkg/portal"
)

// variablePrefix begins the names of the program's variables.
const variablePrefix = "HOOKLINE_"

// flaglessVariables are the settings that have no flag.
func flaglessVariables() []string {
	return append(portal.Variables(), "HOOKLINE_TOKEN", "HOOKLINE_ABBEYCROSS_EVENTS", "HOOKLINE_ABBEYCROSS_HOURS")
}

// isOfOthers reports whether a variable is one that libraries read from the
// environment: OpenTelemetry's and AWS's. A server's file may have them too, for
// who starts the server.
func isOfOthers(name string) bool {
	return strings.HasPrefix(name, "OTEL_") || strings.HasPrefix(name, "AWS_")
}

// serviceVariable matches what Kubernetes sets in every pod of a namespace with
// a service named hookline or hookline-….
var serviceVariable = regexp.MustCompile(`^HOOKLINE_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$`)

// settings are the values of variables: those of the environment, then those of
// the file that --config names. They set the flags that the command line does
// not. An empty value is none.
type settings struct {
	getenv  func(string) string
	environ func() []string
	file    map[string]string
	known   []string // all names
	others  []string // the names in the file that isOfOthers reports
	errs    []error
}

// get returns the value of a variable.
func (s *settings) get(name string) string { return cmp.Or(s.getenv(name), s.file[name]) }

// nameVariables gives each flag its variable: HOOKLINE_<FLAG> if all commands
// have the flag, or serve has it; HOOKLINE_ACCOUNT; HOOKLINE_<COMMAND>_<FLAG>
// otherwise. A flag's own env tag overrides that.
func (s *settings) nameVariables(root *kong.Node) {
	s.known = flaglessVariables()
	s.name(root)
	slices.Sort(s.known)
	s.known = slices.Compact(s.known)
}

// name names the variables of a command and those below it.
func (s *settings) name(node *kong.Node) {
	for _, flag := range node.Flags {
		flag.Tag.Envs = nil // Kong would read the environment itself, and no file
		if flag.Name == "help" || flag.Name == "version" {
			continue
		}
		if len(flag.Envs) == 0 {
			flag.Envs = []string{variableOf(node, flag.Name)}
		}
		s.known = append(s.known, flag.Envs...)
		if (node.Parent == nil || node.Path() == "config check") && !flag.IsBool() {
			flag.Mapper = noting{flag.Mapper, s}
		}
	}
	for _, child := range node.Children {
		s.name(child)
	}
}

func variableOf(node *kong.Node, flag string) string {
	words := flag
	switch path := node.Path(); {
	case node.Parent == nil, path == "serve", path == "config check", flag == "account":
	default:
		words = path + "-" + flag
	}
	return variablePrefix + strings.ToUpper(strings.NewReplacer(" ", "_", "-", "_").Replace(words))
}

// noting is the mapper of a flag whose value is noted if it is wrong, as a
// variable's is, so that all that is wrong is found. The flag keeps its default
// then.
type noting struct {
	kong.Mapper
	settings *settings
}

func (n noting) Decode(ctx *kong.DecodeContext, target reflect.Value) error {
	err := n.Mapper.Decode(ctx, target)
	if err == nil {
		err = inEnum(ctx.Value, target)
	}
	if err == nil {
		return nil
	}
	n.settings.errs = append(n.settings.errs, fmt.Errorf("%s: %w", ctx.Value.ShortSummary(), err))
	if !ctx.Value.HasDefault {
		target.SetZero()
		return nil
	}
	return n.Mapper.Decode(&kong.DecodeContext{Value: ctx.Value, Scan: kong.Scan().PushTyped(ctx.Value.Default, kong.FlagValueToken)}, target)
}

// inEnum checks that a flag's value is one of those that the flag lists, before
// Kong does, which would end the parsing.
func inEnum(flag *kong.Value, value reflect.Value) error {
	if flag.Enum == "" || flag.EnumMap()[fmt.Sprint(value)] {
		return nil
	}
	return fmt.Errorf("must be %s", strings.Join(flag.EnumSlice(), " or "))
}

// load reads the file of settings that the command line or the environment
// names. It is in the form of a .env file. What is wrong is noted.
func (s *settings) load(ctx *kong.Context) error {
	if s.file != nil { // Kong calls this at each level of the command
		return nil
	}
	s.file = map[string]string{}
	path := s.getenv("HOOKLINE_CONFIG")
	for _, flag := range ctx.Model.Flags {
		if name, given := ctx.FlagValue(flag).(string); flag.Name == "config" && given {
			path = cmp.Or(name, path)
		}
	}
	if path == "" {
		return nil
	}
	file, err := os.Open(path)
	if err != nil {
		s.errs = append(s.errs, fmt.Errorf("--config %s: %w", path, cause(err)))
		return nil
	}
	defer file.Close()
	if found, err := godotenv.Parse(file); err == nil {
		s.file = found
	} else {
		// The error may repeat the file's text, which may hold a token.
		s.errs = append(s.errs, fmt.Errorf("--config %s: give lines of the form HOOKLINE_LISTEN=127.0.0.1:8080", path))
	}
	for _, name := range slices.Sorted(maps.Keys(s.file)) {
		switch {
		case slices.Contains(s.known, name):
		case strings.HasPrefix(name, variablePrefix):
			s.errs = append(s.errs, fmt.Errorf("--config %s: %w", path, s.unknown(name)))
		case isOfOthers(name):
			s.others = append(s.others, name)
			delete(s.file, name)
		default: // in a file of another kind it may be a key
			s.errs = append(s.errs, fmt.Errorf("--config %s: a line does not begin with %s", path, variablePrefix))
		}
	}
	return nil
}

// unset returns the names of the file that have no effect, since the environment
// does not have them.
func (s *settings) unset() []string {
	return slices.DeleteFunc(slices.Clone(s.others), func(name string) bool { return s.getenv(name) != "" })
}

// checkNames notes the variables of the environment that are the program's by
// their names and that it does not know.
func (s *settings) checkNames() {
	environment := s.environ()
	slices.Sort(environment)
	for _, entry := range environment {
		name, _, _ := strings.Cut(entry, "=")
		if strings.HasPrefix(name, variablePrefix) && !slices.Contains(s.known, name) && !serviceVariable.MatchString(name) {
			s.errs = append(s.errs, s.unknown(name))
		}
	}
}

// unknown returns the error for a name, which says what name is near.
func (s *settings) unknown(name string) error {
	nearest := slices.MinFunc(s.known, func(a, b string) int {
		return cmp.Compare(levenshtein.ComputeDistance(a, name), levenshtein.ComputeDistance(b, name))
	})
	if levenshtein.ComputeDistance(nearest, name) > max(2, len(strings.TrimPrefix(name, variablePrefix))/3) {
		return fmt.Errorf("%s is no setting; --help of the command lists them", name)
	}
	return fmt.Errorf("%s is no setting; did you mean %s?", name, nearest)
}

// Validate implements [kong.Resolver].
func (s *settings) Validate(*kong.Application) error { return nil }

// Resolve implements [kong.Resolver]. A flag that excludes another on the
// command line is not set. A wrong value is noted.
func (s *settings) Resolve(ctx *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	if len(flag.Envs) == 0 || excluded(ctx, flag) {
		return nil, nil //nolint:nilnil // the flag keeps its default
	}
	name := flag.Envs[0]
	value := s.get(name)
	if value == "" {
		return nil, nil //nolint:nilnil // the flag keeps its default
	}
	trial := *flag.Value
	if noted, ok := trial.Mapper.(noting); ok {
		trial.Mapper = noted.Mapper
	}
	parsed := reflect.New(flag.Target.Type()).Elem()
	err := trial.Parse(kong.Scan().PushTyped(value, kong.FlagValueToken), parsed)
	if err == nil {
		err = inEnum(&trial, parsed)
	}
	if err != nil {
		s.errs = append(s.errs, fmt.Errorf("%s: %s", name, strings.TrimPrefix(err.Error(), flag.ShortSummary()+": ")))
		return nil, nil //nolint:nilnil // the flag keeps its default
	}
	return value, nil
}

// excluded reports whether a flag on the command line excludes another.
func excluded(ctx *kong.Context, flag *kong.Flag) bool {
	return slices.ContainsFunc(ctx.Path, func(given *kong.Path) bool {
		return given.Flag != nil && !given.Resolved && slices.ContainsFunc(given.Flag.Xor, func(group string) bool { return slices.Contains(flag.Xor, group) })
	})
}

// err returns the errors of the settings, as one.
func (s *settings) err() error { return errors.Join(s.errs...) }
