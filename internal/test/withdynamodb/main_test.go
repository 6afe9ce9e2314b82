package main

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/hookline/hookline/internal/test/dynamolocal"
)

func TestRun(t *testing.T) {
	var out, errs bytes.Buffer
	code, err := run(t.Context(), []string{"/bin/sh", "-c", `echo "$` + dynamolocal.Variable + `"; exit 7`}, &out, &errs)
	if code != 7 || err != nil || !strings.HasPrefix(out.String(), "http://127.0.0.1:") || errs.Len() > 0 {
		t.Errorf("code %d, %v, wrote %q and %q", code, err, &out, &errs)
	}
	url := strings.TrimSpace(out.String())
	if response, err := http.Get(url); err == nil {
		response.Body.Close()
		t.Errorf("DynamoDB Local goes on at %s", url)
	}
	for _, command := range [][]string{nil, {"/no/such/program"}} {
		if code, err := run(t.Context(), command, &out, &errs); code == 0 || err == nil {
			t.Errorf("%q: code %d, %v", command, code, err)
		}
	}
}
