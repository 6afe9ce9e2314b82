// Package logsize has how many bytes a stack logs, for the tools that work out
// what it costs. Tests compare them with lines of the functions and with the
// gateway's format.
package logsize

// Bytes of the lines, the newline left out. Of the APIs it is the longest, with
// an account of AccountID bytes.
const (
	AccountID = 16
	Request   = 260 // a function's, about a request
	Attempt   = 260 // deliver's, about an attempt that succeeded
	Sweep     = 165 // sweep's
	Access    = 130 // the gateway's, about a request
	// Event is what CloudWatch Logs adds to each line (PutLogEvents, Amazon
	// CloudWatch Logs API Reference).
	Event = 26
	// Platform are Lambda's own three lines about an invocation, about, with what
	// is added to them. A stack has them with SystemLogLevel INFO.
	Platform = 700
)
