// Command squake-manage is the Lambda function for all of Squake's webhook API
// but registering. It lists, changes and deletes webhooks and looks up tokens,
// and opens no signing key.
package main

import (
	"github.com/hookline/hookline/functions/internal/boot"
	"github.com/hookline/hookline/pkg/dialect/squake"
)

func main() { boot.Serve(squake.API()) }
