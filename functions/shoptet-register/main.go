// Command shoptet-register is the Lambda function that registers webhooks of
// Shoptet's API. It can add webhooks, check which exist and look up tokens, and
// reads no key.
package main

import (
	"github.com/hookline/hookline/functions/internal/start"
	"github.com/hookline/hookline/pkg/api/shoptet"
)

func main() { start.Serve(shoptet.API()) }
