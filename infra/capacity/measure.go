package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hookline/hookline/internal/test/dynamolocal"
	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/webhook"
)

// measurement is what Hookline's own code costs on a machine.
type measurement struct {
	Machine string `json:"machine"`
	Go      string `json:"go"`
	// CPU times in microseconds: of an attempt with a whole TLS handshake, of a
	// lease with its message, of an event that is published with nine others.
	Attempt     int64 `json:"attempt_us"`
	Lease       int64 `json:"lease_us"`
	Publication int64 `json:"publication_us"`
	// Hundred is what a hundred attempts hold while their receivers hang, in KB.
	Hundred int64 `json:"hundred_attempts_kb"`
}

const (
	// measured is how often each thing is done, in batches as a function does it.
	measured     = 2000
	measuredSize = 10
	hundred      = 100
)

// measure runs publisher, worker and sweeper against DynamoDB Local, with SQS and
// receivers in another process, so that only their own CPU time counts.
func measure(ctx context.Context) (measurement, error) {
	database, err := dynamolocal.Launch()
	if err != nil {
		return measurement{}, err
	}
	defer database.Close()
	remote, err := startRemote(ctx)
	if err != nil {
		return measurement{}, err
	}
	defer remote.stop()
	b, err := newBench(ctx, database.URL, remote)
	if err != nil {
		return measurement{}, err
	}
	m := measurement{Machine: machine(), Go: runtime.Version()}
	var ignored int64
	for _, step := range []struct {
		us *int64
		do func(context.Context) error
	}{
		// The first round opens connections and warms what is cached.
		{&ignored, b.publish}, {&ignored, b.attempt},
		{&m.Publication, b.publish}, {&m.Attempt, b.attempt},
		{&ignored, b.publish}, {&m.Lease, b.sweep},
	} {
		before := processorTime()
		if err := step.do(ctx); err != nil {
			return m, err
		}
		*step.us = (processorTime() - before).Microseconds() / measured
	}
	m.Hundred, err = b.hang(ctx, remote)
	return m, err
}

// publish publishes events, ten in a request.
func (b *bench) publish(ctx context.Context) error {
	b.queue.take()
	for range measured / measuredSize {
		list := make([]webhook.Event, measuredSize)
		for i := range list {
			list[i] = webhook.Event{Account: b.account, Name: benchEvent, Payload: []byte(`{"id":"` + rand.Text() + `"}`)}
		}
		for _, r := range b.publisher.Publish(ctx, list) {
			if r.Status != delivery.Accepted {
				return fmt.Errorf("publish: %s: %s", r.Status, r.Reason)
			}
		}
	}
	return nil
}

// attempt makes the attempts of what was published, ten at once.
func (b *bench) attempt(ctx context.Context) error {
	for batch := range slices.Chunk(b.queue.take(), measuredSize) {
		if err := b.attemptAll(ctx, batch, delivery.Delivered); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) attemptAll(ctx context.Context, batch []webhook.Message, want delivery.Outcome) error {
	var group errgroup.Group
	for _, m := range batch {
		group.Go(func() error {
			outcome, err := b.worker.Attempt(ctx, m)
			if err == nil && outcome != want {
				err = fmt.Errorf("the outcome of an attempt is %d, want %d", outcome, want)
			}
			return err
		})
	}
	return group.Wait()
}

// sweep leases what was published and not attempted.
func (b *bench) sweep(ctx context.Context) error {
	swept, err := b.sweeper.Sweep(ctx, time.Time{})
	if err == nil && swept.Sent != measured {
		err = fmt.Errorf("a sweep sent %d messages, want %d", swept.Sent, measured)
	}
	return err
}

// hang returns what a hundred attempts hold while their receivers hang, in KB.
func (b *bench) hang(ctx context.Context, r *remote) (int64, error) {
	if err := b.publish(ctx); err != nil {
		return 0, err
	}
	batch := b.queue.take()[:hundred]
	runtime.GC()
	before := memoryHeld()
	done := make(chan error, 1)
	if err := r.hang(); err != nil {
		return 0, err
	}
	go func() { done <- b.attemptAll(ctx, batch, delivery.Failed) }()
	if err := r.await(hundred); err != nil {
		return 0, err
	}
	held := memoryHeld() - before
	return held >> 10, errors.Join(r.release(), <-done)
}

// memoryHeld is what the process has of the system for its heap and stacks.
func memoryHeld() int64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse) //nolint:gosec // no machine has so much
}

// processorTime is the CPU time that this process has used.
func processorTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // fails for no such argument
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// machine names the processor.
func machine() string {
	text, _ := os.ReadFile("/proc/cpuinfo") // elsewhere the architecture will do
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}
