package main

import (
	"context"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// progress returns a bar on standard error of a command that does total of
// something. It shows if that is a terminal and the result is for people.
func (p *program) progress(description string, total int) *progressbar.ProgressBar {
	return progressbar.NewOptions(total,
		progressbar.OptionSetWriter(p.stderr),
		progressbar.OptionSetVisibility(p.watched()),
		progressbar.OptionSetDescription(description),
		progressbar.OptionSetWidth(30),
		progressbar.OptionShowCount(),
		progressbar.OptionSetElapsedTime(false),
		progressbar.OptionSetPredictTime(false),
		progressbar.OptionClearOnFinish(),
	)
}

// waitStopped waits for d, in whole seconds, and shows progress. It returns
// ctx.Err() if ctx ends first.
func (p *program) waitStopped(ctx context.Context, d time.Duration) error {
	bar := p.progress("waiting", int(d/time.Second))
	for range d / time.Second {
		if err := p.sleep(ctx, time.Second); err != nil {
			_ = bar.Clear() // ignore a closed terminal
			return err
		}
		_ = bar.Add(1)
	}
	return nil
}

// watched reports whether a person sees standard error while a command runs.
func (p *program) watched() bool {
	file, ok := p.stderr.(*os.File)
	return ok && !p.flags.JSON && term.IsTerminal(int(file.Fd()))
}
