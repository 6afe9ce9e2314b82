package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// startTimeout is how long DynamoDB Local may take until it answers.
const startTimeout = time.Minute

// dynamoDB is a running DynamoDB Local.
type dynamoDB struct {
	url    string
	cmd    *exec.Cmd
	exited chan struct{}
	said   bytes.Buffer // may be read once it has exited
}

// startDynamoDB starts DynamoDB Local, in memory. One database serves all
// regions and access keys: the SAM CLI hands functions those of the shell.
func startDynamoDB(port int) (*dynamoDB, error) {
	lib := filepath.Join(".tools", "dynamodb-local", "lib")
	if jars, err := filepath.Glob(filepath.Join(lib, "DynamoDBLocal-*.jar")); err != nil || len(jars) == 0 {
		return nil, errors.New("DynamoDB Local is not in .tools: run `make tools`, at the top of the checkout")
	}
	free, err := net.Listen("tcp", ":"+strconv.Itoa(port)) //nolint:noctx // only a look, where it will listen
	if err != nil {
		return nil, fmt.Errorf("port %d is in use: choose another with --port, or name the DynamoDB Local that runs with --endpoint (%w)", port, err)
	}
	if err := free.Close(); err != nil {
		return nil, err
	}
	cmd := exec.Command("java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", //nolint:noctx // it ends with stop, once ctx has
		"-Djava.library.path="+lib, "-cp", filepath.Join(lib, "*"), "com.amazonaws.services.dynamodbv2.local.main.ServerRunner",
		"-inMemory", "-sharedDb", "-disableTelemetry", "-port", strconv.Itoa(port))
	db := &dynamoDB{url: "http://127.0.0.1:" + strconv.Itoa(port), cmd: cmd, exited: make(chan struct{})}
	cmd.Stderr = &db.said
	// A group of its own, so that it is there until the tidying up is done;
	// and it goes when this process is killed.
	cmd.SysProcAttr = processGroup()
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start DynamoDB Local (Java 17 or newer): %w", err)
	}
	go func() {
		defer close(db.exited)
		_ = cmd.Wait() // its status says how it was ended
	}()
	return db, nil
}

// stop ends it and waits until it has.
func (d *dynamoDB) stop() {
	_ = d.cmd.Process.Signal(syscall.SIGTERM) // it may have ended by itself
	<-d.exited
}

// await waits until it answers.
func (d *dynamoDB) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, d.url, http.NoBody)
		if err != nil {
			return err
		}
		if response, err := http.DefaultClient.Do(r); err == nil {
			return response.Body.Close()
		}
		select {
		case <-ticker.C:
		case <-d.exited:
			return fmt.Errorf("DynamoDB Local ended at once: %s", d.said.String())
		case <-ctx.Done():
			return fmt.Errorf("DynamoDB Local does not answer: %w", ctx.Err())
		}
	}
}
