// Command publish is the Lambda function behind POST /events: it makes durable
// records of events and asks for their deliveries. It opens no signing key.
// Who may call, IAM has judged before the gateway lets a request through.
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
	gateway, err := start(context.Background(), env.ToMap(os.Environ()), log)
	if err != nil {
		log.Error("cannot start", slog.String("error", environ.OneLine(err)))
		os.Exit(1)
	}
	lambda.Start(gateway.Answer)
}
