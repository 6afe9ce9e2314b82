package functions_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/hookline/hookline/internal/test/dynamolocal"
)

// needle is a secret in one of the forms in which it could be found.
type needle struct {
	form string
	text []byte
}

// needles gives the secrets in all their forms.
func needles(secrets []string) []needle {
	var all []needle
	for _, secret := range secrets {
		for form, text := range forms(secret) {
			all = append(all, needle{form, text})
		}
	}
	return all
}

// checkTables looks for secrets in every attribute of every item of the tables.
func (s *stack) checkTables(t *testing.T, secrets []needle) {
	t.Helper()
	if s.checkTable(t, s.tables.Webhooks, secrets) == 0 {
		t.Error("the table of webhooks is empty")
	}
	s.checkTable(t, s.tables.Deliveries, secrets)
}

// checkTable gives the number of items.
func (s *stack) checkTable(t *testing.T, table string, secrets []needle) int {
	t.Helper()
	client := dynamolocal.Client(t, s.endpoint)
	pages := dynamodb.NewScanPaginator(client, &dynamodb.ScanInput{TableName: aws.String(table), ConsistentRead: aws.Bool(true)})
	items := 0
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range page.Items {
			items++
			for _, found := range leaks(item, secrets) {
				t.Errorf("item %v %v holds a secret: %s", item["pk"], item["sk"], found)
			}
		}
	}
	return items
}

// checkOutput looks for secrets in what a function printed.
func checkOutput(t *testing.T, output string, secrets []needle) {
	t.Helper()
	for _, secret := range secrets {
		if strings.Contains(output, string(secret.text)) {
			t.Errorf("the log holds a secret, %s", secret.form)
		}
	}
}

// leaks says which attributes hold a secret, and in which form.
func leaks(item map[string]types.AttributeValue, secrets []needle) []string {
	var found []string
	for name, value := range item {
		content := bytesOf(value)
		for _, secret := range secrets {
			if bytes.Contains(content, secret.text) {
				found = append(found, fmt.Sprintf("attribute %s, %s", name, secret.form))
			}
		}
	}
	return found
}

// bytesOf gives all that an attribute holds, at any depth.
func bytesOf(value types.AttributeValue) []byte {
	var parts [][]byte
	switch v := value.(type) {
	case *types.AttributeValueMemberS:
		return []byte(v.Value)
	case *types.AttributeValueMemberN:
		return []byte(v.Value)
	case *types.AttributeValueMemberB:
		return v.Value
	case *types.AttributeValueMemberL:
		for _, element := range v.Value {
			parts = append(parts, bytesOf(element))
		}
	case *types.AttributeValueMemberM:
		for name, member := range v.Value {
			parts = append(parts, []byte(name), bytesOf(member))
		}
	default:
		return fmt.Appendf(nil, "%#v", value) // package dynamo writes no sets
	}
	return bytes.Join(parts, []byte{0})
}

// forms are a secret as it stands, the bytes that it stands for, and both
// encoded, in each of the usual ways.
func forms(secret string) map[string][]byte {
	plain := map[string][]byte{"as it was answered": []byte(secret)}
	bare := strings.TrimPrefix(strings.TrimPrefix(secret, "whsec_"), "hk_")
	plain["without its prefix"] = []byte(bare)
	for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.RawURLEncoding} {
		if raw, err := encoding.DecodeString(bare); err == nil {
			plain["decoded"] = raw
		}
	}
	all := map[string][]byte{}
	for form, text := range plain {
		all[form] = text
		all[form+", in base64"] = []byte(base64.RawStdEncoding.EncodeToString(text))
		all[form+", in base64url"] = []byte(base64.RawURLEncoding.EncodeToString(text))
		all[form+", in hex"] = []byte(hex.EncodeToString(text))
		all[form+", in upper-case hex"] = []byte(strings.ToUpper(hex.EncodeToString(text)))
	}
	return all
}

func TestLeaksAreFound(t *testing.T) {
	const key = "whsec_" + "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
	raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(key, "whsec_"))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]types.AttributeValue{
		"clear":        &types.AttributeValueMemberS{Value: "x" + key},
		"decoded":      &types.AttributeValueMemberB{Value: append([]byte{9}, raw...)},
		"hex":          &types.AttributeValueMemberS{Value: hex.EncodeToString(raw)},
		"base64 twice": &types.AttributeValueMemberS{Value: base64.StdEncoding.EncodeToString([]byte(key))},
		"in a list": &types.AttributeValueMemberL{Value: []types.AttributeValue{
			&types.AttributeValueMemberM{Value: map[string]types.AttributeValue{"k": &types.AttributeValueMemberB{Value: raw}}},
		}},
		"in a structure": &types.AttributeValueMemberSS{Value: []string{key}},
	} {
		if len(leaks(map[string]types.AttributeValue{"k": value}, needles([]string{key}))) == 0 {
			t.Errorf("%s: not found", name)
		}
	}
	harmless := map[string]types.AttributeValue{"k": &types.AttributeValueMemberS{Value: "https://example.com/"}}
	if found := leaks(harmless, needles([]string{key})); found != nil {
		t.Errorf("a harmless item: %v", found)
	}
}
