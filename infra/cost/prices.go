package main

// prices are list prices in US dollars: without free tiers, discounts for
// volume, savings plans and taxes.
type prices struct {
	region string
	// DynamoDB on demand: a million write and read request units; a GB for a
	// month in a table, and as much again in its point-in-time recovery.
	writes, reads, stored, backup float64
	// Lambda on arm64: a million invocations, a GB-second.
	invocations, compute float64
	// API Gateway: a million requests of an HTTP API, up to 512 KB each.
	requests float64
	// SQS: a million requests to a standard queue, up to 64 KB each, and what
	// comes on top where messages have a group (fair queues).
	messages, groups float64
	// CloudWatch: a GB of logs taken in; an alarm, a custom metric, a month.
	logs, alarm, metric float64
	// KMS: a key for a month. A key's first two rotations cost as much again each.
	key float64
	// A GB to the internet.
	traffic float64
}

// pricesOf says what each region costs, as of 2026. Only those of DynamoDB's
// requests, of SQS and of CloudWatch in us-east-1 were confirmed. Check them all
// against AWS's own price list before you count on them.
var pricesOf = []prices{
	{
		region: "us-east-1",
		writes: 0.625, reads: 0.125, stored: 0.25, backup: 0.20,
		invocations: 0.20, compute: 0.0000133334,
		requests: 1.00,
		messages: 0.40, groups: 0.10,
		logs: 0.50, alarm: 0.10, metric: 0.30,
		key: 1.00, traffic: 0.09,
	},
	{
		region: "eu-central-1",
		writes: 0.7625, reads: 0.1525, stored: 0.306, backup: 0.2448,
		invocations: 0.20, compute: 0.0000133334,
		requests: 1.20,
		messages: 0.40, groups: 0.10,
		logs: 0.63, alarm: 0.10, metric: 0.30,
		key: 1.00, traffic: 0.09,
	},
}
