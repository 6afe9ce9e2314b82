// Package price has what AWS charges in each region, for the tools that work out
// what a stack costs.
package price

// Region has the list prices of a region in US dollars: without free tiers,
// discounts for volume, savings plans and taxes.
type Region struct {
	Name string
	// DynamoDB on demand: a million write and read request units; a GB for a
	// month in a table, and as much again in its point-in-time recovery.
	Writes, Reads, Stored, Backup float64
	// Lambda on arm64: a million invocations, a GB-second.
	Invocations, Compute float64
	// API Gateway: a million requests of an HTTP API, up to 512 KB each.
	Requests float64
	// SQS: a million requests to a standard queue, up to 64 KB each, and what
	// comes on top where messages have a group (fair queues).
	Messages, Groups float64
	// EventBridge: a million events that are put on a bus, up to 64 KB each.
	Events float64
	// CloudWatch: a GB of logs taken in; an alarm, a custom metric, a month.
	Logs, Alarm, Metric float64
	// KMS: a key for a month. A key's first two rotations cost as much again each.
	Key float64
	// A GB to the internet.
	Traffic float64
}

// Regions are the prices of each region, as of 2026. Only those of DynamoDB's
// requests, of SQS and of CloudWatch in us-east-1 were confirmed. Check them all
// against AWS's own price list before you count on them.
var Regions = []Region{
	{
		Name:   "us-east-1",
		Writes: 0.625, Reads: 0.125, Stored: 0.25, Backup: 0.20,
		Invocations: 0.20, Compute: 0.0000133334,
		Requests: 1.00,
		Messages: 0.40, Groups: 0.10, Events: 1.00,
		Logs: 0.50, Alarm: 0.10, Metric: 0.30,
		Key: 1.00, Traffic: 0.09,
	},
	{
		Name:   "eu-central-1",
		Writes: 0.7625, Reads: 0.1525, Stored: 0.306, Backup: 0.2448,
		Invocations: 0.20, Compute: 0.0000133334,
		Requests: 1.20,
		Messages: 0.40, Groups: 0.10, Events: 1.00,
		Logs: 0.63, Alarm: 0.10, Metric: 0.30,
		Key: 1.00, Traffic: 0.09,
	},
}
