package sender

import (
	"testing"

	"github.com/hookline/hookline/pkg/delivery"
)

// Every reason has a class, and no part of it comes from a receiver.
func TestClass(t *testing.T) {
	for response, want := range map[delivery.Response]string{
		{Status: 200}: "", {Status: 204}: "", {Status: 302, Reason: "redirected to another place (302)"}: "3xx",
		{Status: 410, Reason: "answered 410"}: "4xx", {Status: 599, Reason: "answered 599"}: "5xx",
		{Status: 101, Reason: "answered 101"}: "_OTHER", {Status: 999, Reason: "answered 999"}: "_OTHER", {Reason: "anything"}: "_OTHER",
		{Reason: "no answer within 15 s"}: "timeout", {Reason: "the URL must use port 443"}: "url_not_allowed", {Reason: reasonRequest}: "url_not_allowed",
		{Reason: reasonNotPublic}: "address_not_public", {Reason: reasonName}: "name_not_resolved", {Reason: reasonConnect}: "not_connected",
		{Reason: reasonTLS}: "tls", {Reason: reasonExpired}: "tls", {Reason: reasonOtherHost}: "tls", {Reason: reasonUntrusted}: "tls", {Reason: reasonClientCert}: "tls",
		{Reason: reasonClosed}: "connection_closed", {Reason: reasonMalformed}: "malformed_response", {Reason: reasonInterrupted}: "interrupted",
	} {
		if got := Class(response); got != want {
			t.Errorf("%+v is of class %q, want %q", response, got, want)
		}
	}
}
