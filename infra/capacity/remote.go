package main

import (
	"bufio"
	"context"
	"crypto/md5" //nolint:gosec // SQS has it of each message
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
)

// remote is a process that is SQS, and a receiver of deliveries.
type remote struct {
	// SQS and Receiver are URLs, and Certificate is the receiver's.
	SQS, Receiver, Certificate string

	command *exec.Cmd
	lines   io.Writer
	replies *json.Decoder
}

// startRemote starts this program once more, as the other side.
func startRemote(ctx context.Context) (*remote, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	r := &remote{command: exec.CommandContext(ctx, program, "remote")}
	r.command.Stderr = os.Stderr
	if r.lines, err = r.command.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := r.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := r.command.Start(); err != nil {
		return nil, err
	}
	r.replies = json.NewDecoder(out)
	if err := r.replies.Decode(r); err != nil {
		r.stop()
		return nil, fmt.Errorf("start the other side: %w", err)
	}
	return r, nil
}

func (r *remote) stop() {
	_ = r.command.Process.Kill() // it may have ended
	_ = r.command.Wait()
}

// hang has the receiver respond to nothing until release.
func (r *remote) hang() error { return r.ask("hang", nil) }

// await waits until n requests hang.
func (r *remote) await(n int) error { return r.ask(fmt.Sprintf("await %d", n), nil) }

func (r *remote) release() error { return r.ask("release", nil) }

// ask sends a line and waits for its reply.
func (r *remote) ask(line string, reply any) error {
	if _, err := fmt.Fprintln(r.lines, line); err != nil {
		return err
	}
	if reply == nil {
		reply = new(struct{})
	}
	return r.replies.Decode(reply)
}

// receiver responds with 204, unless it hangs; then with 503 once it is released.
type receiver struct {
	mu      sync.Mutex
	change  *sync.Cond
	hanging int
	closed  chan struct{} // not nil while it hangs
}

func newReceiver() *receiver {
	r := &receiver{}
	r.change = sync.NewCond(&r.mu)
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	_, _ = io.Copy(io.Discard, req.Body) // what cannot be read is no delivery less
	r.mu.Lock()
	closed := r.closed
	if closed != nil {
		r.hanging++
		r.change.Broadcast()
	}
	r.mu.Unlock()
	// Each delivery is another receiver's, with a handshake of its own.
	w.Header().Set("Connection", "close")
	if closed == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	<-closed
	w.WriteHeader(http.StatusServiceUnavailable)
}

// obey carries out the lines that remote sends.
func (r *receiver) obey(line string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	switch _, err := fmt.Sscanf(line, "await %d", &n); {
	case err == nil:
		for r.hanging < n {
			r.change.Wait()
		}
	case strings.TrimSpace(line) == "hang":
		r.closed = make(chan struct{})
	case r.closed != nil:
		close(r.closed)
		r.closed = nil
	}
}

// beRemote is the other process. It ends with its input.
func beRemote(stdin io.Reader, stdout io.Writer) error {
	r := newReceiver()
	receivers := httptest.NewUnstartedServer(r)
	receivers.TLS = &tls.Config{MinVersion: tls.VersionTLS12, SessionTicketsDisabled: true}
	receivers.StartTLS()
	defer receivers.Close()
	queue := httptest.NewServer(http.HandlerFunc(takeMessages))
	defer queue.Close()
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: receivers.Certificate().Raw})
	replies := json.NewEncoder(stdout)
	if err := replies.Encode(remote{SQS: queue.URL, Receiver: receivers.URL, Certificate: string(certificate)}); err != nil {
		return err
	}
	lines := bufio.NewScanner(stdin)
	for lines.Scan() {
		r.obey(lines.Text())
		if err := replies.Encode(struct{}{}); err != nil {
			return err
		}
	}
	return lines.Err()
}

// takeMessages is SQS's SendMessageBatch.
func takeMessages(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Entries []struct {
			ID          string `json:"Id"`
			MessageBody string
		}
	}
	type sent struct {
		ID        string `json:"Id"`
		MessageID string `json:"MessageId"`
		MD5       string `json:"MD5OfMessageBody"`
	}
	var out struct{ Successful []sent }
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		http.Error(w, "no JSON", http.StatusBadRequest)
		return
	}
	for _, e := range in.Entries {
		digest := md5.Sum([]byte(e.MessageBody)) //nolint:gosec // as SQS does
		out.Successful = append(out.Successful, sent{e.ID, "m-" + e.ID, hex.EncodeToString(digest[:])})
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	_ = json.NewEncoder(w).Encode(out) // the client sees what is missing
}
