// Package signed lets through requests that are signed with AWS credentials, as
// API Gateway does.
package signed

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// Region is where requests must be signed for.
const Region = "eu-central-1"

// Credentials returns those that requests must be signed with. They have a
// session, and the access key of package dynamolocal, so that one environment
// can hold what both need.
func Credentials() aws.Credentials {
	return aws.Credentials{AccessKeyID: "local", SecretAccessKey: "secret", SessionToken: "session"}
}

// Handler answers requests that are not signed with the credentials as API
// Gateway does, and passes on the others. It signs each request as it came anew,
// and compares.
func Handler(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		at, timeErr := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
		again, newErr := http.NewRequestWithContext(r.Context(), r.Method, "http://"+r.Host+r.RequestURI, bytes.NewReader(body))
		if err := errors.Join(err, timeErr, newErr); err != nil {
			http.Error(w, `{"message":"Forbidden"}`, http.StatusForbidden)
			return
		}
		if kind := r.Header.Get("Content-Type"); kind != "" {
			again.Header.Set("Content-Type", kind)
		}
		digest := sha256.Sum256(body)
		err = v4.NewSigner().SignHTTP(r.Context(), Credentials(), again, hex.EncodeToString(digest[:]), "execute-api", Region, at)
		if err != nil || again.Header.Get("Authorization") != r.Header.Get("Authorization") || r.Header.Get("X-Amz-Security-Token") != Credentials().SessionToken {
			http.Error(w, `{"message":"Forbidden"}`, http.StatusForbidden)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		h.ServeHTTP(w, r)
	})
}
