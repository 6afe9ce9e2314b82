package sender_test

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/hookline/hookline/pkg/delivery/sender"
)

// spellings are hosts in which somebody has read an IPv4 address, as formats
// of what spellings of gives them: the bytes (1 to 4), all of it (5), its last
// three (6) and two (7) bytes and its first two (8) as numbers, dotted (9), more
// than fits (10), and the first (11) and last (12) two bytes inverted.
var spellings = []string{
	"%[9]s", "%[9]s.", "%[9]s..", "%[5]d", "%[5]d.", "0x%[5]x", "0X%08[5]X", "0%[5]o", "0o%[5]o", "%[10]d",
	"%[1]d.%[6]d", "%[1]d.%[2]d.%[7]d", "0x%[1]x.%[6]d", "0%[1]o.0x%[6]x", "%03[1]d.%03[2]d.%03[3]d.%03[4]d",
	"0x%[1]x.0x%[2]x.0x%[3]x.0x%[4]x", "0%[1]o.0%[2]o.0%[3]o.0%[4]o", "0x%[1]x.%[2]d.0%[3]o.%[4]d",
	"[%[9]s]", "[::ffff:%[9]s]", "[::FFFF:%[8]X:%[7]X]", "[0:0:0:0:0:ffff:%04[8]x:%04[7]x]", "[::ffff:%[9]s%%25lo]",
	"[::%[9]s]", "[::ffff:0:%[9]s]", "[64:ff9b::%[9]s]", "[64:ff9b::%[8]x:%[7]x]", "[64:ff9b:1::%[9]s]",
	"[2002:%[8]x:%[7]x::1]", "[2001:0:%[8]x:%[7]x:0:0:f7f7:f7f7]", "[2001:0:808:808:0:0:%[11]x:%[12]x]",
	"user@%[9]s", "user:secret@%[9]s", "93.184.216.34@%[9]s", "93.184.216.34:80@%[9]s", "%[9]s@93.184.216.34", "@%[9]s",
	`%[9]s\@93.184.216.34`, `93.184.216.34\@%[9]s`, `%[9]s\.example.com`, "93.184.216.34#@%[9]s", "%[9]s#.example.com",
	"%[9]s%%00", "%[9]s%%00.example.com", "%[9]s%%20", "%[9]s%%09", "%[9]s%%0a", "%[9]s%%2f.example.com", "%[9]s%%40example.com",
	" %[9]s", "%[9]s\t", "\u200b%[9]s",
}

// rewritings replace characters of a dotted address.
var rewritings = []func(rune) string{
	digits(0xff10), digits(0x1d7ce), digits(0x1d7f6), digits(0x660), // fullwidth, bold, monospace, Arabic
	dots("\u3002"), dots("\uff0e"), dots("\uff61"), dots("%2e"), dots("%2E"), dots("%25%32%65"), dots("%E3%80%82"), dots(".."),
	func(c rune) string { return fmt.Sprintf("%%%02x", c) },
}

func digits(zero rune) func(rune) string {
	return func(c rune) string {
		if c == '.' {
			return "."
		}
		return string(zero + c - '0')
	}
}

func dots(dot string) func(rune) string {
	return func(c rune) string { return strings.ReplaceAll(string(c), ".", dot) }
}

// spelled gives an IPv4 address in all spellings.
func spelled(addr netip.Addr) []string {
	b := addr.As4()
	all := binary.BigEndian.Uint32(b[:])
	first, last := uint16(all>>16), uint16(all)
	args := []any{b[0], b[1], b[2], b[3], all, all & 0xffffff, last, first, addr.String(), uint64(all) + 1<<32, ^first, ^last}
	var hosts []string
	for _, format := range spellings {
		hosts = append(hosts, fmt.Sprintf(format, args...))
	}
	for _, rewrite := range rewritings {
		var host strings.Builder
		for _, c := range addr.String() {
			host.WriteString(rewrite(c))
		}
		hosts = append(hosts, host.String())
	}
	return hosts
}

// readLines gives what stands first on the lines of a file.
func readLines(t *testing.T, path string) []string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		if !strings.HasPrefix(line, "# ") {
			first, _, _ := strings.Cut(line, "  ")
			lines = append(lines, first)
		}
	}
	return lines
}

// corpus gives URLs that must lead nowhere, and serves the names in them: the
// addresses as they are, behind names and in all spellings, and hosts written to
// deceive.
func corpus(t *testing.T, names *nameserver, port string) (urls []string) {
	t.Helper()
	add := func(hosts ...string) {
		for _, host := range hosts {
			urls = append(urls, "http://"+host+":"+port+"/hook"+query, "https://"+host+":"+port+"/hook"+query)
		}
	}
	for i, text := range readLines(t, "testdata/addresses.txt") {
		addr := netip.MustParseAddr(text)
		if addr.Is4() {
			add(spelled(addr)...)
		} else {
			add("[" + text + "]")
		}
		name := fmt.Sprintf("a%d.private.test", i)
		names.add(name, []netip.Addr{addr})
		add(name, name+".", strings.ToUpper(name))
	}
	add(readLines(t, "testdata/hosts.txt")...)
	return urls
}

// TestNobodyIsReached holds that no URL of the corpus gets a connection.
func TestNobodyIsReached(t *testing.T) {
	port, accepted := traps(t)
	var w watch
	names := newNameserver()
	urls := corpus(t, names, port)
	if len(urls) < 5000 {
		t.Errorf("%d URLs: the corpus is not what it should be", len(urls))
	}
	c := newClient(t, sender.Config{AllowHTTP: true, Resolver: names.resolver(t), Connecting: w.connecting})
	for _, url := range urls {
		got := send(t, c, request(url))
		if got.Status != 0 || got.Interrupted {
			t.Errorf("%s: got %+v", url, got)
		}
		if strings.Contains(url, "private.test") && got.Reason != notPublic && (hasIPv6() || got.Reason != noConnection) {
			t.Errorf("%s: got %+v", url, got)
		}
		if seen := w.taken(); len(seen) != 0 {
			t.Errorf("%s: about to connect to %v", url, seen)
		}
	}
	if n := accepted(); n != 0 {
		t.Errorf("%d connections were made", n)
	}
	t.Logf("%d URLs", len(urls))
}

// TestRebinding has names lead to a public address at one look-up and to one
// that is not at the next.
func TestRebinding(t *testing.T) {
	port, accepted := traps(t)
	names := newNameserver()
	for i, text := range readLines(t, "testdata/addresses.txt") {
		there, public := []netip.Addr{netip.MustParseAddr(text)}, []netip.Addr{public4}
		names.add(fmt.Sprintf("a%d.rebind.test", i), public, there, public, there, there)
	}
	var w watch
	c := newClient(t, sender.Config{AllowHTTP: true, Resolver: names.resolver(t), Connecting: w.connecting})
	for name := range names.zone {
		for i, want := range []string{noConnection, notPublic, noConnection, notPublic, notPublic} {
			got := send(t, c, request("http://"+name+":"+port+"/"))
			if got.Reason != want && (hasIPv6() || got.Reason != noConnection) {
				t.Errorf("%s, look-up %d: got %+v, want %q", name, i, got, want)
			}
			for _, addr := range w.taken() {
				if addr.Addr() != public4 {
					t.Errorf("%s, look-up %d: about to connect to %v", name, i, addr)
				}
			}
		}
	}
	if n := accepted(); n != 0 {
		t.Errorf("%d connections were made", n)
	}
}
