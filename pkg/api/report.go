package api

import (
	"log/slog"
	"net/http"
)

const (
	// statusHungUp stands in the log where the client did not wait for the
	// answer.
	statusHungUp = 499
	// maxLoggedMethod is how many bytes of a method are logged.
	maxLoggedMethod = 24
)

// Entry is a request that was answered, for the log.
type Entry struct {
	Observation
	// RequestID is the id that the answer shows, and Account that of the account,
	// empty if it is not known.
	RequestID, Account string
	// Err is what went wrong, nil if nothing did.
	Err error
}

// Report writes the log line of a request and tells the observer. Of what the
// client sent the line contains only the method, shortened; the route is a
// pattern. The status is 499 if the request failed and its client is gone.
func (o Observer) Report(log *slog.Logger, e Entry) {
	if e.Err != nil && e.Request.Context().Err() != nil {
		e.Status = statusHungUp
	}
	level := slog.LevelInfo
	if e.Status >= http.StatusInternalServerError && e.Status != http.StatusServiceUnavailable {
		level = slog.LevelError
	}
	attrs := []slog.Attr{
		slog.String("request_id", e.RequestID),
		slog.String("api", string(e.API)),
		slog.String("account", e.Account),
		slog.String("method", shortMethod(e.Request.Method)),
		slog.String("route", e.Route),
		slog.Int("status", e.Status),
		slog.Float64("duration_ms", float64(e.Duration.Microseconds())/1000),
	}
	if o.Client != nil {
		attrs = append(attrs, slog.String("client", o.Client(e.Request)))
	}
	if e.Err != nil {
		attrs = append(attrs, slog.String("error", e.Err.Error()))
	}
	log.LogAttrs(e.Request.Context(), level, "request", attrs...)
	if o.Answered != nil {
		o.Answered(e.Observation)
	}
}

// shortMethod returns a method as the log has it: the beginning of one that is
// longer than any that is in use (IANA's registry has 17 characters).
func shortMethod(method string) string {
	if len(method) > maxLoggedMethod {
		return method[:maxLoggedMethod] + "…"
	}
	return method
}
