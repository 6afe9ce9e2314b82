// Command sweep is the Lambda function that a schedule runs each minute: it
// sends for the attempts that are due and were not made. It reads no webhook
// and opens no signing key.
package main

import (
	"context"
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/caarlos0/env/v11"

	"github.com/hookline/hookline/functions/internal/dispatch"
	"github.com/hookline/hookline/functions/internal/environ"
)

func main() {
	log := dispatch.NewLog(os.Stderr)
	h, err := start(context.Background(), env.ToMap(os.Environ()), log)
	if err != nil {
		log.Error("cannot start", slog.String("error", environ.OneLine(err)))
		os.Exit(1)
	}
	lambda.Start(h.Sweep)
}
