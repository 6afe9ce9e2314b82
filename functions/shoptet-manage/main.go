// Command shoptet-manage is the Lambda function for all of Shoptet's webhook
// API except registration. It lists, changes and deletes webhooks, renews
// accounts' signing keys, lists notifications and looks up tokens, and opens no
// key.
package main

import (
	"github.com/hookline/hookline/functions/internal/start"
	"github.com/hookline/hookline/pkg/api/shoptet"
)

func main() { start.Serve(shoptet.API(), start.Deliveries) }
