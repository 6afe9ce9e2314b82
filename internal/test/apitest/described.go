package apitest

import (
	"bytes"
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"

	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/signing"
	"github.com/hookline/hookline/pkg/webhook"
)

// deliveryKey is a key that every API can sign with: 32 hex digits.
var deliveryKey = webhook.NewSecret("00112233445566778899aabbccddeeff")

// checkDescribedDelivery holds the description's webhook "delivery" to what is
// sent: the golden bodies of testdata/delivery, with the API's headers and
// those of Standard Webhooks. All of them are described, and no others; a
// required one that is missing, and a member more, are not as described.
func checkDescribedDelivery(t *testing.T, api api.API, doc *openapi3.T) {
	t.Helper()
	item := doc.Webhooks["delivery"]
	if len(doc.Webhooks) != 1 || item == nil || item.Post == nil || len(item.Operations()) != 1 {
		t.Fatal(`the description has no webhook "delivery" that is a POST, or others`)
	}
	files, err := filepath.Glob(filepath.Join("testdata", "delivery", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden deliveries: %v", err)
	}
	sending := Sending(t, api, nil)
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		header, err := signing.Standard(webhook.Delivery{Time: Start}.ID(), Start, body, deliveryKey, deliveryKey)
		if err != nil {
			t.Fatal(err)
		}
		maps.Copy(header, sending.Header(deliveryKey, Start, body))
		if err := describedDelivery(doc, item, header, body); err != nil {
			t.Errorf("%s is not as described: %v", file, err)
		}
		more := append(bytes.TrimSuffix(bytes.Clone(body), []byte("}")), `,"more":1}`...)
		if describedDelivery(doc, item, header, more) == nil {
			t.Errorf("%s: taken as described, though a member is added", file)
		}
		checkDescribedHeaders(t, item.Post, header, func(header map[string]string) error {
			return describedDelivery(doc, item, header, body)
		})
	}
}

// checkDescribedHeaders demands that the headers described are those sent, and
// that none has any value or, if it is required, can be left out.
func checkDescribedHeaders(t *testing.T, post *openapi3.Operation, header map[string]string, check func(map[string]string) error) {
	t.Helper()
	var names []string
	for _, p := range post.Parameters {
		name := p.Value.Name
		names = append(names, name)
		spoiled := maps.Clone(header)
		spoiled[name] = "?"
		if check(spoiled) == nil {
			t.Errorf("%s may have any value", name)
		}
		delete(spoiled, name)
		if absent := check(spoiled) == nil; absent == p.Value.Required {
			t.Errorf("%s absent is as described: %v", name, absent)
		}
	}
	slices.Sort(names)
	if sent := slices.Sorted(maps.Keys(header)); !slices.Equal(names, sent) {
		t.Errorf("headers described %q, sent %q", names, sent)
	}
}

// describedDelivery checks a delivery by the description.
func describedDelivery(doc *openapi3.T, item *openapi3.PathItem, header map[string]string, body []byte) error {
	request := httptest.NewRequest(http.MethodPost, "https://example.com/", bytes.NewReader(body))
	request.Header.Set("Content-Type", "application/json")
	for name, value := range header {
		request.Header.Set(name, value)
	}
	return openapi3filter.ValidateRequest(context.Background(), &openapi3filter.RequestValidationInput{
		Request: request,
		Route:   &routers.Route{Spec: doc, Path: "delivery", PathItem: item, Method: http.MethodPost, Operation: item.Post},
	})
}
