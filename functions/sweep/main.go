// Command sweep is the Lambda function that a schedule runs every minute. It
// queues attempts that are due and were not made, and completes the deletion of
// accounts. It opens no signing key.
package main

import "github.com/hookline/hookline/functions/internal/start"

func main() { start.Run(build, func(h *handler) any { return h.Sweep }) }
