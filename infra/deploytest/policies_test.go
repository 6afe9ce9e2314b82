package deploytest

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
)

// policiesAreEnforced shows that what the other steps did, they did because the
// roles may: a role's rights, moved to another API's accounts, are none in its
// own, and what the function then answers is its API's own fault. The stack is
// left as it was.
func policiesAreEnforced(t *testing.T, s *stack, customers []*customer) {
	client := iam.NewFromConfig(s.cloud.config())
	for _, c := range customers {
		t.Run(string(c.name), func(t *testing.T) {
			role := s.resources[title(string(c.name))+"ManageRole"]
			name := aws.String("webhooks")
			read, err := client.GetRolePolicy(t.Context(), &iam.GetRolePolicyInput{RoleName: &role, PolicyName: name})
			if err != nil {
				t.Fatalf("read the policy of %s: %v", role, err)
			}
			policy, err := url.QueryUnescape(aws.ToString(read.PolicyDocument))
			if err != nil {
				t.Fatal(err)
			}
			elsewhere := strings.ReplaceAll(policy, "A#"+string(c.name)+"#*", "A#elsewhere#*")
			if elsewhere == policy {
				t.Fatalf("the policy of %s names no accounts: %s", role, policy)
			}
			put := func(document string) {
				_, err := client.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{RoleName: &role, PolicyName: name, PolicyDocument: &document})
				if err != nil {
					t.Fatalf("write the policy of %s: %v", role, err)
				}
			}
			put(elsewhere)
			c.call(t, s, http.MethodGet, c.list, "").must(t, "list without the right", http.StatusInternalServerError, "{")
			put(policy)
			c.call(t, s, http.MethodGet, c.list, "").must(t, "list with the right", http.StatusOK, "")
		})
	}
}

// title writes an API's name as logical ids begin.
func title(name string) string { return strings.ToUpper(name[:1]) + name[1:] }
