// Command bare is the yardstick for cold starts: it measures how long a Lambda
// function in Go takes for its first response when it does nothing but read an
// API Gateway request and respond. It is never deployed.
package main

import (
	"context"
	"net/http"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
)

func main() {
	lambda.Start(func(_ context.Context, _ events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
		return events.APIGatewayV2HTTPResponse{StatusCode: http.StatusNoContent}, nil
	})
}
