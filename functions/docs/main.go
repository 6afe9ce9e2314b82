// Command docs is the Lambda function that serves the descriptions of the APIs,
// as pages and as OpenAPI, where a stack has them. It knows no account, and may
// do nothing but write its log. All pages are rendered while Lambda initialises
// the process, which has whole processors only until then.
package main

import (
	"crypto/rand"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/hookline/hookline/functions/internal/gateway"
	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/keygen"
	"github.com/hookline/hookline/pkg/reference"
)

func main() {
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	slog.SetDefault(log) // what Lambda's runtime prints goes there too
	pages := reference.New(reference.All(), "", api.NotFound(api.Setup{Keys: keygen.New(rand.Reader, time.Now), Now: time.Now, Log: log}))
	if err := pages.Render(); err != nil {
		log.Error("cannot start", slog.String("error", err.Error()))
		os.Exit(1)
	}
	lambda.Start(gateway.New(pages).Respond)
}
