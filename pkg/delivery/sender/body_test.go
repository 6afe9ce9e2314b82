package sender_test

import (
	"strings"
	"testing"
)

// TestBodyIsKept holds that an attempt keeps how the body of an answer began
// that was no success, byte for byte, and of no other.
func TestBodyIsKept(t *testing.T) {
	long := strings.Repeat("\x00\xff\x1b\n", 2000) // 8 KB
	for name, test := range map[string]struct{ text, want string }{
		"failure":          {"HTTP/1.1 500 x\r\nContent-Length: 4\r\n\r\n\x00\xffhi", "\x00\xffhi"},
		"long failure":     {"HTTP/1.1 404 x\r\n\r\n" + long, long[:512]},
		"gzip":             {"HTTP/1.1 500 x\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\n\x1f\x8b\x08", "\x1f\x8b\x08"},
		"breaks off":       {"HTTP/1.1 404 x\r\nContent-Length: 100\r\n\r\nsome", "some"},
		"without a body":   {"HTTP/1.1 503 x\r\nContent-Length: 0\r\n\r\n", ""},
		"another protocol": {"HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nsome", ""},
		"success":          {"HTTP/1.1 200 x\r\nContent-Length: 4\r\n\r\nsome", ""},
		"long success":     {"HTTP/1.1 200 x\r\n\r\n" + long, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := saying(t, test.text)
			if got := newClient(t, open()).Send(t.Context(), request(r.url("http"))); got.Body != test.want {
				t.Errorf("kept %d bytes, %q, want %q", len(got.Body), got.Body, test.want)
			}
		})
	}
}
