package sender_test

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/hookline/hookline/pkg/delivery"
	"github.com/hookline/hookline/pkg/delivery/sender"
)

func TestHTTP2(t *testing.T) {
	var protos [3]atomic.Int64
	server, cfg := secured(t, func(s *httptest.Server) {
		s.Config.Handler = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			protos[r.ProtoMajor].Add(1)
			if r.ContentLength != 7 || r.Header.Get("User-Agent") != "Hookline/1.2.3" || r.Header.Get("Accept-Encoding") != "" {
				t.Errorf("got %v", r)
			}
		})
	})
	c := newClient(t, cfg)
	for range 3 {
		if got := send(t, c, request(server.URL)); got != (delivery.Response{Status: 200}) {
			t.Errorf("got %+v", got)
		}
	}
	if n := protos[2].Load(); n != 3 {
		t.Errorf("%d requests over HTTP/2, want 3", n)
	}
	awaitNoConnection(t, c)
}

// framed serves HTTP/2 frame by frame: answer gets the number of the
// connection and of the request on it, once that is there.
func framed(t *testing.T, settings []http2.Setting, response func(conn, n int64, f *http2.Framer, stream uint32) bool) (url string, cfg sender.Config, conns func() int64) {
	t.Helper()
	server, cfg := secured(t, nil) // for its certificate
	tlsConfig := &tls.Config{Certificates: server.TLS.Certificates, NextProtos: []string{"h2"}}
	r := newReceiver(t, "tcp", "127.0.0.1:0", func(conn int64, raw net.Conn) {
		c := tls.Server(raw, tlsConfig)
		if _, err := io.ReadFull(c, make([]byte, len(http2.ClientPreface))); err != nil {
			return
		}
		f := http2.NewFramer(c, c)
		_ = f.WriteSettings(settings...)
		n := int64(0)
		for {
			frame, err := f.ReadFrame()
			if err != nil {
				return
			}
			switch frame := frame.(type) {
			case *http2.SettingsFrame:
				if !frame.IsAck() {
					_ = f.WriteSettingsAck()
				}
			case *http2.PingFrame:
				if !frame.IsAck() {
					_ = f.WritePing(true, frame.Data)
				}
			case *http2.DataFrame: // a request's body is in one frame here, and its end
				n++
				if !response(conn, n, f, frame.StreamID) {
					_ = raw.(*net.TCPConn).CloseWrite() // Close would reset it
					hold(raw)
					return
				}
			}
		}
	})
	return r.url("https"), cfg, r.accepted.Load
}

// headers encodes a list of names and values without a table.
func headers(fields ...string) []byte {
	var b bytes.Buffer
	e := hpack.NewEncoder(&b)
	e.SetMaxDynamicTableSize(0)
	for i := 0; i < len(fields); i += 2 {
		_ = e.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
	}
	return b.Bytes()
}

func writeHeaders(f *http2.Framer, stream uint32, end bool, fields ...string) {
	_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: headers(fields...), EndHeaders: true, EndStream: end})
}

// TestHostileHTTP2 gets one hostile answer to the first request on each
// connection.
func TestHostileHTTP2(t *testing.T) {
	for name, test := range map[string]struct {
		response func(f *http2.Framer, stream uint32) (goOn bool)
		status   int
		reason   string
	}{
		"refused stream": {func(f *http2.Framer, s uint32) bool {
			return f.WriteRSTStream(s, http2.ErrCodeRefusedStream) == nil
		}, 0, closedOff},
		"reset stream": {func(f *http2.Framer, s uint32) bool {
			return f.WriteRSTStream(s, http2.ErrCodeInternal) == nil
		}, 0, closedOff},
		"HTTP/1.1 required": {func(f *http2.Framer, s uint32) bool {
			return f.WriteRSTStream(s, http2.ErrCodeHTTP11Required) == nil
		}, 0, closedOff},
		"GOAWAY": {func(f *http2.Framer, _ uint32) bool {
			_ = f.WriteGoAway(0, http2.ErrCodeNo, []byte(marker))
			return false
		}, 0, closedOff},
		"GOAWAY with a fault": {func(f *http2.Framer, s uint32) bool {
			_ = f.WriteGoAway(s, http2.ErrCodeEnhanceYourCalm, []byte(marker))
			return false
		}, 0, closedOff},
		"end": {func(*http2.Framer, uint32) bool { return false }, 0, closedOff},
		"bad frame": {func(f *http2.Framer, s uint32) bool {
			return f.WriteRawFrame(http2.FrameHeaders, 0xff, s, []byte(marker)) == nil
		}, 0, closedOff},
		"huge header": {func(f *http2.Framer, s uint32) bool {
			writeHeaders(f, s, true, ":status", "200", "x-a", strings.Repeat("a", 16000))
			return true
		}, 200, ""},
		"reset after the head": {func(f *http2.Framer, s uint32) bool {
			writeHeaders(f, s, false, ":status", "200", "x-a", marker)
			return f.WriteRSTStream(s, http2.ErrCodeInternal) == nil
		}, 200, ""},
		"reset after the head of a failure": {func(f *http2.Framer, s uint32) bool {
			writeHeaders(f, s, false, ":status", "500", "x-a", marker)
			return f.WriteRSTStream(s, http2.ErrCodeRefusedStream) == nil
		}, 500, "answered 500"},
		"less than the length": {func(f *http2.Framer, s uint32) bool {
			writeHeaders(f, s, false, ":status", "200", "content-length", "9")
			return f.WriteData(s, true, []byte("a")) == nil
		}, 200, ""},
		"reset after 4 KiB": {func(f *http2.Framer, s uint32) bool {
			writeHeaders(f, s, false, ":status", "200")
			_ = f.WriteData(s, false, make([]byte, 5000))
			return true
		}, 200, ""},
		"no status": {func(f *http2.Framer, s uint32) bool {
			writeHeaders(f, s, true, "x-a", marker)
			return true
		}, 0, malformed},
		"strange status": {func(f *http2.Framer, s uint32) bool {
			writeHeaders(f, s, true, ":status", marker)
			return true
		}, 0, malformed},
		"flood of 1xx": {func(f *http2.Framer, s uint32) bool {
			for range 1000 {
				writeHeaders(f, s, false, ":status", "103", "link", strings.Repeat("a", 200))
			}
			writeHeaders(f, s, true, ":status", "200")
			return true
		}, 0, malformed},
	} {
		t.Run(name, func(t *testing.T) {
			url, cfg, _ := framed(t, nil, func(_, _ int64, f *http2.Framer, stream uint32) bool {
				return test.response(f, stream)
			})
			want := delivery.Response{Status: test.status, Reason: test.reason}
			if got := send(t, newClient(t, cfg), request(url)); got != want {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
		})
	}
}

// writeInFrames writes headers over as many frames as they take.
func writeInFrames(f *http2.Framer, stream uint32, end bool, fields ...string) error {
	block := headers(fields...)
	err := f.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: block[:16000], EndStream: end})
	for rest := block[16000:]; len(rest) > 0 && err == nil; {
		n := min(len(rest), 16000)
		err = f.WriteContinuation(stream, n == len(rest), rest[:n])
		rest = rest[n:]
	}
	return err
}

// TestHugeHeadsOverHTTP2 sends a head and a trailer over many frames.
func TestHugeHeadsOverHTTP2(t *testing.T) {
	huge := strings.Repeat("~", 1<<20)
	for name, test := range map[string]struct {
		response func(f *http2.Framer, stream uint32) error
		want     delivery.Response
	}{
		"head": {func(f *http2.Framer, s uint32) error {
			return writeInFrames(f, s, true, ":status", "200", "x-a", huge)
		}, delivery.Response{Reason: closedOff}},
		"trailer": {func(f *http2.Framer, s uint32) error {
			writeHeaders(f, s, false, ":status", "200", "trailer", "x-a")
			return writeInFrames(f, s, true, "x-a", huge)
		}, delivery.Response{Status: 200}},
	} {
		url, cfg, _ := framed(t, nil, func(_, _ int64, f *http2.Framer, stream uint32) bool {
			return test.response(f, stream) == nil
		})
		if got := send(t, newClient(t, cfg), request(url)); got != test.want {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

// TestNoStreamsAllowed meets a receiver that takes no request at all. Whether
// that is known before a request is sent to it is chance; how many connections
// are opened is bounded either way.
func TestNoStreamsAllowed(t *testing.T) {
	url, cfg, conns := framed(t, []http2.Setting{{ID: http2.SettingMaxConcurrentStreams, Val: 0}},
		func(_, _ int64, f *http2.Framer, s uint32) bool {
			return f.WriteRSTStream(s, http2.ErrCodeRefusedStream) == nil
		})
	c := newClient(t, cfg)
	const attempts, sends, dials = 3, 3, 3 + 5 // pauses of 10 to 160 ms
	for range attempts {
		q := request(url)
		q.Timeout = 200 * time.Millisecond
		if got := send(t, c, q); got.Status != 0 {
			t.Errorf("got %+v", got)
		}
	}
	if n := conns(); n > attempts*sends*dials {
		t.Errorf("%d connections for %d attempts", n, attempts)
	}
}

// TestUnprocessed has receivers say that they did not process a request, or end
// its connection, on a new connection or a kept one. Where that may be, it is
// made again on a new one, and otherwise the attempt fails.
func TestUnprocessed(t *testing.T) {
	refuse := func(f *http2.Framer, s uint32) bool { return f.WriteRSTStream(s, http2.ErrCodeRefusedStream) == nil }
	leave := func(f *http2.Framer, s uint32) bool { _ = f.WriteGoAway(s-1, http2.ErrCodeNo, nil); return false }
	reset := func(f *http2.Framer, s uint32) bool { return f.WriteRSTStream(s, http2.ErrCodeInternal) == nil }
	end := func(*http2.Framer, uint32) bool { return false }
	for name, test := range map[string]struct {
		say func(f *http2.Framer, s uint32) (goOn bool)
		// from and to are the requests, counted from 1, to which it is said.
		from, to int64
		want     []string
		conns    int64
	}{
		"refused, new":         {refuse, 1, 1, []string{""}, 2},
		"refused twice, new":   {refuse, 1, 2, []string{""}, 3},
		"refused always, new":  {refuse, 1, 9, []string{closedOff}, 3},
		"GOAWAY, new":          {leave, 1, 1, []string{""}, 2},
		"GOAWAY always, new":   {leave, 1, 9, []string{closedOff}, 3},
		"end, new":             {end, 1, 1, []string{closedOff, ""}, 2},
		"reset, new":           {reset, 1, 1, []string{closedOff, ""}, 1},
		"refused, kept":        {refuse, 2, 2, []string{"", ""}, 2},
		"refused twice, kept":  {refuse, 2, 3, []string{"", ""}, 3},
		"refused always, kept": {refuse, 2, 9, []string{"", closedOff}, 3},
		"GOAWAY, kept":         {leave, 2, 2, []string{"", ""}, 2},
		"end, kept":            {end, 2, 2, []string{"", ""}, 2},
		"end twice, kept":      {end, 2, 3, []string{"", closedOff}, 2},
		"reset, kept":          {reset, 2, 2, []string{"", closedOff}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			var requests atomic.Int64
			url, cfg, conns := framed(t, nil, func(_, _ int64, f *http2.Framer, s uint32) bool {
				if n := requests.Add(1); n >= test.from && n <= test.to {
					return test.say(f, s)
				}
				writeHeaders(f, s, true, ":status", "200")
				return true
			})
			c := newClient(t, cfg)
			for i, want := range test.want {
				if got := send(t, c, request(url)); got.Reason != want {
					t.Errorf("attempt %d: got %+v, want %q", i, got, want)
				}
			}
			if n := conns(); n != test.conns {
				t.Errorf("%d connections, want %d", n, test.conns)
			}
		})
	}
}

// TestHTTP2ConnectionFallsSilent has a kept connection die without a word, as
// when what lies between forgot it. It is found soon enough to make the attempt
// on a new one.
func TestHTTP2ConnectionFallsSilent(t *testing.T) {
	done := make(chan struct{})
	defer close(done)
	url, cfg, conns := framed(t, nil, func(conn, n int64, f *http2.Framer, s uint32) bool {
		if conn == 1 && n == 2 {
			<-done
			return false
		}
		writeHeaders(f, s, true, ":status", "200")
		return true
	})
	c := newClient(t, cfg)
	for range 2 {
		q := request(url)
		q.Timeout = 4 * time.Second // the shortest of the APIs
		if got := send(t, c, q); got != (delivery.Response{Status: 200}) {
			t.Errorf("got %+v", got)
		}
	}
	if n := conns(); n != 2 {
		t.Errorf("%d connections, want 2", n)
	}
}
