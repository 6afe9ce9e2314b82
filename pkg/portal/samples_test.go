package portal

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hookline/hookline/internal/test/long"
	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/signing"
	"github.com/hookline/hookline/pkg/webhook"
)

// drivers call the samples in their languages. They get the key, the three
// headers of Standard Webhooks, the API's own, and the path of the body.
var drivers = map[string]struct {
	file   string
	run    []string
	before string
	after  string
}{
	"curl and openssl": {"check.sh", []string{"sh"}, "key=$1 webhook_id=$2 webhook_timestamp=$3 webhook_signature=$4 signature=$5\n", ""},
	"Node.js": {"check.mjs", []string{"node"}, "", `
import { readFileSync } from "node:fs";
const [key, id, at, standard, own] = process.argv.slice(2);
const headers = { "webhook-id": id, "webhook-timestamp": at, "webhook-signature": standard, "own-signature": own };
console.log(verify(key, headers, readFileSync("body.json")) ? "genuine" : "forged");
`},
	"Python": {"check.py", []string{"python3"}, "", `
import sys
key, id, at, standard, own = sys.argv[1:]
headers = {"webhook-id": id, "webhook-timestamp": at, "webhook-signature": standard, "Own-Signature": own}
print("genuine" if verify(key, headers, open("body.json", "rb").read()) else "forged")
`},
	"Go": {"check.go", []string{"go", "run"}, `package main
import ("crypto/hmac"; "crypto/sha1"; "crypto/sha256"; "encoding/base64"; "encoding/hex"; "fmt"; "net/http"; "os"; "strconv"; "strings"; "time")
var _, _, _, _, _, _ = base64.StdEncoding, hex.EncodeToString, strconv.Itoa, strings.Fields, time.Now, sha256.New
var _ = sha1.New
func main() {
	h := http.Header{}
	h.Set("webhook-id", os.Args[2]); h.Set("webhook-timestamp", os.Args[3]); h.Set("webhook-signature", os.Args[4]); h.Set("Own-Signature", os.Args[5])
	body, _ := os.ReadFile("body.json")
	fmt.Println(map[bool]string{true: "genuine", false: "forged"}[verify(os.Args[1], h, body)])
}
`, ""},
	"PHP": {"check.php", []string{"php"}, "", `
[, $key, $id, $at, $standard, $own] = $argv;
$server = ['HTTP_WEBHOOK_ID' => $id, 'HTTP_WEBHOOK_TIMESTAMP' => $at, 'HTTP_WEBHOOK_SIGNATURE' => $standard, 'HTTP_OWN_SIGNATURE' => $own];
echo verify($key, $server, file_get_contents('body.json')) ? "genuine\n" : "forged\n";
`},
}

// TestSamplesVerify runs each sample: it believes what Hookline signs, also
// beside the signature of another key, and nothing else. The short run leaves
// out what takes a compiler or may not be installed.
func TestSamplesVerify(t *testing.T) {
	t.Parallel()
	key := webhook.NewSecret("0f4c9d21b7e84a6f9c3d5e7a1b2c3d4e")
	body := []byte(`{"text":"\u00e9 é","n":1.0}`)
	now := time.Now()
	header, err := signing.Standard("0199", now, body, webhook.NewSecret("ffffffffffffffffffffffffffffffff"), key)
	if err != nil {
		t.Fatal(err)
	}
	own := map[string]string{"sha1": signing.HexSHA1(key, body), "sha256": signing.HexSHA256(key, body)}
	for _, r := range []struct {
		name    string
		samples []code
		own     string
	}{
		{"standard", standardSamples(), ""},
		{"sha1", ownSamples(api.Verification{Header: "Own-Signature", Hash: "sha1"}), own["sha1"]},
		{"sha256", ownSamples(api.Verification{Header: "Own-Signature", Hash: "sha256"}), own["sha256"]},
	} {
		for _, sample := range r.samples {
			if long.Pick(sample.Label != "Python", false) { // Python is there for other tests
				continue
			}
			t.Run(r.name+"-"+strings.ReplaceAll(sample.Label, " ", "-"), func(t *testing.T) {
				t.Parallel()
				driver := drivers[sample.Label]
				dir := t.TempDir()
				text := driver.before + sample.Text + driver.after
				if err := os.WriteFile(filepath.Join(dir, driver.file), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
				for i, tt := range []struct {
					body, at, want string
				}{
					{string(body), header["webhook-timestamp"], "genuine"},
					{strings.Replace(string(body), "1.0", "1.1", 1), header["webhook-timestamp"], "forged"},
				} {
					if err := os.WriteFile(filepath.Join(dir, "body.json"), []byte(tt.body), 0o600); err != nil {
						t.Fatal(err)
					}
					arguments := append(driver.run[1:len(driver.run):len(driver.run)], driver.file, key.Reveal(), "0199", tt.at, header["webhook-signature"], r.own)
					command := exec.CommandContext(t.Context(), driver.run[0], arguments...)
					command.Dir = dir
					out, err := command.CombinedOutput()
					if err != nil || strings.TrimSpace(string(out)) != tt.want {
						t.Errorf("body %d: %s, %v, want %s", i, out, err, tt.want)
					}
				}
			})
		}
	}
}
