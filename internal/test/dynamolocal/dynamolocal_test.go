package dynamolocal

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"testing"
	"time"
)

// childVariable makes TestMain play a test binary that starts the emulator,
// says where, and waits to be killed.
const childVariable = "DYNAMOLOCAL_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) == "" {
		os.Exit(m.Run())
	}
	s, err := shared()
	if err != nil {
		_, _ = os.Stderr.WriteString(err.Error())
		os.Exit(1)
	}
	_, _ = os.Stdout.WriteString(s.URL + "\n")
	select {}
}

func TestRunningServerIsTaken(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	child := exec.CommandContext(ctx, exe)
	child.Env = append(os.Environ(), childVariable+"=1", Variable+"=http://127.0.0.1:1")
	out, err := child.StdoutPipe()
	if err == nil {
		err = child.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	cancel()
	_ = child.Wait() // "killed"
	if err != nil || line != "http://127.0.0.1:1\n" {
		t.Errorf("the server is %q, %v", line, err)
	}
}

func TestDiesWithItsProcess(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.CommandContext(t.Context(), exe)
	child.Env = append(os.Environ(), childVariable+"=1", Variable+"=") // an emulator of its own
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, 64)
	n, err := out.Read(line)
	if err != nil {
		t.Fatalf("child: %v", err)
	}
	url := string(bytes.TrimSpace(line[:n]))
	if !responds(t.Context(), url) {
		t.Fatalf("nothing answers at %s", url)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // "killed"
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for responds(t.Context(), url) {
		if ctx.Err() != nil {
			t.Fatal("the emulator outlived the process that started it")
		}
	}
}

func TestTablesAreApart(t *testing.T) {
	s := Start(t)
	if other := Start(t); other != s {
		t.Errorf("a second Start gave another server: %v", other)
	}
	if a, b := s.NewTable(t), s.NewTable(t); a == b {
		t.Errorf("two tables are both %q", a)
	}
}

func TestExitIsNoticed(t *testing.T) {
	lib := t.TempDir() // holds no emulator, so that Java ends at once
	p, err := launch(lib, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer p.stop()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	err = p.await(ctx, "http://127.0.0.1:1")
	if err == nil || ctx.Err() != nil || !bytes.Contains([]byte(err.Error()), []byte("ServerRunner")) {
		t.Errorf("await = %v, want Java's own words about ServerRunner", err)
	}
}

func TestMissingToolSaysWhatToDo(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("go.mod", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := libraries()
	if !errors.Is(err, fs.ErrNotExist) || !bytes.Contains([]byte(err.Error()), []byte("make tools")) {
		t.Errorf("libraries() error = %v, want one that names make tools", err)
	}
}

func TestClaimedPortsDiffer(t *testing.T) {
	a, requestIDA, err := reservePort()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = requestIDA.Close() }()
	if _, requestID, err := reserveUDP(&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: a}); err == nil {
		_ = requestID.Close()
		t.Errorf("port %d could be claimed twice", a)
	}
}
