package metrics

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	sdk "go.opentelemetry.io/otel/sdk/metric"
)

// OTLP reports whether the variables of OpenTelemetry ask for metrics by OTLP:
// an endpoint is set, and nothing turns them off.
func OTLP(getenv func(string) string) bool {
	endpoint := cmp.Or(getenv("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"), getenv("OTEL_EXPORTER_OTLP_ENDPOINT"))
	exporter := cmp.Or(getenv("OTEL_METRICS_EXPORTER"), "otlp")
	return endpoint != "" && exporter == "otlp" && !strings.EqualFold(getenv("OTEL_SDK_DISABLED"), "true")
}

// newExporter returns the exporter of the protocol that the variables name. All
// else it reads from the process's environment itself, as its documentation
// says: OTEL_EXPORTER_OTLP_HEADERS, _CERTIFICATE, _TIMEOUT and so on.
func newExporter(ctx context.Context, getenv func(string) string) (sdk.Exporter, error) {
	switch protocol := cmp.Or(getenv("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL"), getenv("OTEL_EXPORTER_OTLP_PROTOCOL"), "http/protobuf"); protocol {
	case "http/protobuf":
		return otlpmetrichttp.New(ctx)
	case "grpc":
		return otlpmetricgrpc.New(ctx)
	default:
		return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_PROTOCOL: must be http/protobuf or grpc, not %q", protocol)
	}
}
