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
	function, err := build(os.Getenv, log)
	if err != nil {
		log.Error("cannot start", slog.String("error", err.Error()))
		os.Exit(1)
	}
	lambda.Start(function.Respond)
}

// build renders the pages. They lead to the portal where the stack has one. The
// error names the description that is broken.
func build(getenv func(string) string, log *slog.Logger) (*gateway.Function, error) {
	unknown := api.NotFound(api.Setup{Keys: keygen.New(rand.Reader, time.Now), Now: time.Now, Log: log})
	pages := reference.New(reference.All(), getenv("HOOKLINE_PORTAL_PATH"), unknown)
	return gateway.New(pages), pages.Render()
}
