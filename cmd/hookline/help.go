package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// globalGroup is the group of the flags that all commands have.
const (
	globalGroup = "global"
	globalTitle = "Global flags:"
)

// helpOptions set up help: commands first, flags that all commands have last,
// and each flag with its variable.
func helpOptions() []kong.Option {
	return []kong.Option{
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, FlagsLast: true, NoAppSummary: true}),
		kong.ExplicitGroups([]kong.Group{{Key: globalGroup, Title: globalTitle}}),
		kong.ValueFormatter(describe),
		kong.Help(func(options kong.HelpOptions, ctx *kong.Context) error {
			if err := printHelp(options, ctx); err != nil {
				return writeError{err}
			}
			return nil
		}),
		kong.PostBuild(func(k *kong.Kong) error {
			k.Model.HelpFlag.Group = &kong.Group{Key: globalGroup, Title: globalTitle}
			return nil
		}),
	}
}

// describe returns the help of a flag or argument, with its variable.
func describe(value *kong.Value) string {
	if value.Flag == nil || len(value.Flag.Envs) == 0 {
		return value.Help
	}
	return strings.TrimSuffix(value.Help, ".") + " ($" + value.Flag.Envs[0] + ")."
}

// printHelp writes usage, what the command does, its flags, and examples.
func printHelp(options kong.HelpOptions, ctx *kong.Context) error {
	node := ctx.Selected()
	if node == nil {
		node = ctx.Model.Node
	}
	if _, err := fmt.Fprintf(ctx.Stdout, "Usage: %s\n", usage(node)); err != nil {
		return err
	}
	if err := kong.DefaultHelpPrinter(options, ctx); err != nil {
		return err
	}
	lines := examples()[strings.TrimSpace(node.Path())]
	if len(lines) == 0 {
		return nil
	}
	_, err := io.WriteString(ctx.Stdout, "\nExamples:\n  "+strings.Join(lines, "\n  ")+"\n")
	return err
}

// usage returns the form of a command line. What is required and excludes each
// other is shown as a choice.
func usage(node *kong.Node) string {
	words := []string{node.FullPath()}
	var shown []string // groups
	for _, flag := range slices.Concat(node.AllFlags(true)...) {
		switch {
		case !flag.Required:
		case len(flag.Xor) == 0:
			words = append(words, flag.Summary())
		case !slices.Contains(shown, flag.Xor[0]):
			shown = append(shown, flag.Xor[0])
			words = append(words, "("+strings.Join(choices(node, flag.Xor[0]), " | ")+")")
		}
	}
	for _, argument := range node.Positional {
		words = append(words, argument.Summary())
	}
	if len(node.Children) > 0 {
		words = append(words, "<command>")
	}
	return strings.Join(append(words, "[flags]"), " ")
}

// choices returns the required flags of a group.
func choices(node *kong.Node, group string) (names []string) {
	for _, flag := range slices.Concat(node.AllFlags(true)...) {
		if flag.Required && slices.Contains(flag.Xor, group) {
			names = append(names, flag.Summary())
		}
	}
	return names
}

type helpCommand struct {
	Command []string `arg:"" optional:"" help:"The command, such as account create (default: all)."`
}

// Run shows help, as --help does.
func (c *helpCommand) Run(ctx context.Context, p *program) error {
	return p.run(ctx, append(append([]string{p.arg0}, c.Command...), "--help"))
}
