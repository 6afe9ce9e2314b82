// Command squake-manage is the Lambda function for all of Squake's webhook API
// except registration. It lists, changes and deletes webhooks and looks up
// tokens, and opens no signing key.
package main

import (
	"github.com/hookline/hookline/functions/internal/start"
	"github.com/hookline/hookline/pkg/api/squake"
)

func main() { start.Serve(squake.API()) }
