// Command deliver is the Lambda function that makes the attempts which
// messages of the queue ask for. It alone may have KMS open the sealing key,
// and so sign.
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
	hushReceivers(log)
	h, err := start(context.Background(), env.ToMap(os.Environ()), log)
	if err != nil {
		log.Error("cannot start", slog.String("error", environ.OneLine(err)))
		os.Exit(1)
	}
	lambda.Start(h.Deliver)
}
