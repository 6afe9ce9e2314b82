package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/alecthomas/kong"

	"github.com/hookline/hookline/pkg/webhook"
)

// versionFlag is [kong.VersionFlag], which ignores that it could not write.
type versionFlag bool

// BeforeReset writes the version and ends the command.
func (versionFlag) BeforeReset(k *kong.Kong, vars kong.Vars) error {
	if _, err := fmt.Fprintln(k.Stdout, vars["version"]); err != nil {
		return writeError{err}
	}
	k.Exit(0)
	return nil
}

type versionCommand struct{}

// versionResult is the JSON output of the version.
type versionResult struct {
	Version string `json:"version"`
	// Commit is empty if the program was built outside of a repository.
	Commit   string `json:"commit"`
	Modified bool   `json:"modified"` // since the commit
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func newVersionResult(info *debug.BuildInfo) versionResult {
	r := versionResult{Version: webhook.Version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	for _, setting := range info.Settings {
		switch setting.Key {
		case "vcs.revision":
			r.Commit = setting.Value
		case "vcs.modified":
			r.Modified = setting.Value == "true"
		}
	}
	return r
}

// Run shows the version and what the program was built of.
func (*versionCommand) Run(p *program) error {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = new(debug.BuildInfo)
	}
	r := newVersionResult(info)
	return p.show(r, r.text())
}

func (r versionResult) text() string {
	text := fmt.Sprintf("hookline %s\n", r.Version)
	if r.Commit != "" {
		text += "commit   " + r.Commit
		if r.Modified {
			text += " with changes"
		}
		text += "\n"
	}
	return text + fmt.Sprintf("go       %s %s\n", r.Go, r.Platform)
}
