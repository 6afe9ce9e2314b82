package dynamolocal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"
)

// portTries is how many ports are tried before giving up.
const portTries = 5

// Launch runs an emulator on a free port and waits until it answers. It ends
// with this process, or by Close.
func Launch() (*Server, error) {
	lib, err := libraries()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	var failures error
	for range portTries {
		port, requestID, err := reservePort()
		if err != nil {
			return nil, err
		}
		url := "http://127.0.0.1:" + strconv.Itoa(port)
		p, err := launch(lib, port)
		if err != nil {
			return nil, err
		}
		if err = p.await(ctx, url); err == nil {
			return &Server{URL: url, port: requestID, process: p}, nil
		}
		p.stop()
		_ = requestID.Close() // only a claim
		failures = errors.Join(failures, err)
		if ctx.Err() != nil {
			break
		}
	}
	return nil, fmt.Errorf("start DynamoDB Local: %w", failures)
}

// Close ends an emulator that Launch has started, which is as good as ended
// when nothing refers to the Server any more.
func (s *Server) Close() {
	s.process.stop()
	_ = s.port.Close() // only a claim
}

// reservePort finds a free port. The claim holds the UDP port of the same number,
// so that two test binaries never choose the same one, and neither takes the
// other's emulator for its own.
func reservePort() (port int, requestID io.Closer, err error) {
	for {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return 0, nil, fmt.Errorf("find a free port: %w", err)
		}
		port, requestID, requestIDErr := reserveUDP(l.Addr())
		if err := l.Close(); err != nil {
			return 0, nil, fmt.Errorf("find a free port: %w", err)
		}
		if requestIDErr == nil {
			return port, requestID, nil
		}
	}
}

func reserveUDP(addr net.Addr) (int, io.Closer, error) {
	requestID, err := net.ListenPacket("udp", addr.String())
	if err != nil {
		return 0, nil, err
	}
	return requestID.LocalAddr().(*net.UDPAddr).Port, requestID, nil
}

// guard runs its arguments and kills them as soon as its input ends: the
// write end of that pipe is only in the test process, so that the system
// closes it however the process ends.
const guard = `"$@" & child=$!; exec >/dev/null 2>&1; cat; kill -9 $child; wait $child`

// process is an emulator under its guard.
type process struct {
	stop   func()
	exited chan struct{}
	output *tail
}

// launch starts the emulator. It does not wait for it.
func launch(lib string, port int) (*process, error) {
	java, err := exec.LookPath("java")
	if err != nil {
		return nil, fmt.Errorf("start DynamoDB Local: Java 17 or newer is needed: %w", err)
	}
	outR, outW, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("start DynamoDB Local: %w", err)
	}
	cmd := exec.Command("/bin/sh", "-c", guard, "guard", java, "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
		"-Djava.library.path="+lib, "-cp", lib+"/*", "com.amazonaws.services.dynamodbv2.local.main.ServerRunner",
		"-inMemory", "-disableTelemetry", "-port", strconv.Itoa(port))
	cmd.Stdout, cmd.Stderr = outW, outW
	alive, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err := errors.Join(err, outW.Close()); err != nil {
		return nil, fmt.Errorf("start DynamoDB Local: %w", err)
	}
	p := &process{exited: make(chan struct{}), output: &tail{}}
	p.stop = sync.OnceFunc(func() {
		_ = alive.Close() // the guard sees its input end
		_ = cmd.Wait()    // and its status says "killed"
	})
	go func() {
		defer close(p.exited)
		_, _ = io.Copy(p.output, outR) // ends when the emulator does
	}()
	return p, nil
}

// await polls until the emulator answers, has exited, or ctx ends.
func (p *process) await(ctx context.Context, url string) error {
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		if responds(ctx, url) {
			return nil
		}
		select {
		case <-ticker.C:
		case <-p.exited:
			return fmt.Errorf("it exited: %s", p.output)
		case <-ctx.Done():
			return fmt.Errorf("it does not answer: %w: %s", ctx.Err(), p.output)
		}
	}
}

// responds reports whether a DynamoDB speaks at url.
func responds(ctx context.Context, url string) bool {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader("{}"))
	if err != nil {
		return false
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.0")
	r.Header.Set("X-Amz-Target", "DynamoDB_20120810.ListTables")
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+AccessKeyID+"/20260101/"+Region+
		"/dynamodb/aws4_request, SignedHeaders=host, Signature=0")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return false
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
	return err == nil && resp.StatusCode == http.StatusOK && bytes.Contains(body, []byte("TableNames"))
}

// tail keeps the last few kilobytes written to it.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p...)
	t.buf = t.buf[max(0, len(t.buf)-4096):]
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.buf)
}
