// Command squake-register is the Lambda function that registers webhooks of
// Squake's API. It can add webhooks and look up tokens, and reads no key.
package main

import (
	"github.com/hookline/hookline/functions/internal/start"
	"github.com/hookline/hookline/pkg/api/squake"
)

func main() { start.Serve(squake.API()) }
