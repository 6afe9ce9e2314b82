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

	"github.com/hookline/hookline/pkg/store/dynamostore/dynamolocal"
)

// checkTable looks for secrets in every attribute of every item of the table.
func (s *stack) checkTable(t *testing.T, secrets []string) {
	t.Helper()
	client := dynamolocal.Client(t, s.endpoint)
	pages := dynamodb.NewScanPaginator(client, &dynamodb.ScanInput{TableName: aws.String(s.table), ConsistentRead: aws.Bool(true)})
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
	if items == 0 {
		t.Error("the table is empty")
	}
}

// checkOutput looks for secrets in what a function printed.
func checkOutput(t *testing.T, output string, secrets []string) {
	t.Helper()
	for _, secret := range secrets {
		for form, text := range forms(secret) {
			if strings.Contains(output, string(text)) {
				t.Errorf("the log holds a secret, %s", form)
			}
		}
	}
	if !strings.Contains(output, `"request_id":"`) {
		t.Errorf("the log has no line of a request:\n%s", output)
	}
}

// leaks says which attributes hold a secret, and in which form.
func leaks(item map[string]types.AttributeValue, secrets []string) []string {
	var found []string
	for name, value := range item {
		content := bytesOf(value)
		for _, secret := range secrets {
			for form, text := range forms(secret) {
				if bytes.Contains(content, text) {
					found = append(found, fmt.Sprintf("attribute %s, %s", name, form))
				}
			}
		}
	}
	return found
}

// bytesOf gives all that an attribute holds.
func bytesOf(value types.AttributeValue) []byte {
	switch v := value.(type) {
	case *types.AttributeValueMemberS:
		return []byte(v.Value)
	case *types.AttributeValueMemberN:
		return []byte(v.Value)
	case *types.AttributeValueMemberB:
		return v.Value
	}
	return fmt.Appendf(nil, "%#v", value) // dynamostore writes no sets, lists or maps
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
		"clear":          &types.AttributeValueMemberS{Value: "x" + key},
		"decoded":        &types.AttributeValueMemberB{Value: append([]byte{9}, raw...)},
		"hex":            &types.AttributeValueMemberS{Value: hex.EncodeToString(raw)},
		"base64 twice":   &types.AttributeValueMemberS{Value: base64.StdEncoding.EncodeToString([]byte(key))},
		"in a structure": &types.AttributeValueMemberSS{Value: []string{key}},
	} {
		if len(leaks(map[string]types.AttributeValue{"k": value}, []string{key})) == 0 {
			t.Errorf("%s: not found", name)
		}
	}
	harmless := map[string]types.AttributeValue{"k": &types.AttributeValueMemberS{Value: "https://example.com/"}}
	if found := leaks(harmless, []string{key}); found != nil {
		t.Errorf("a harmless item: %v", found)
	}
}
