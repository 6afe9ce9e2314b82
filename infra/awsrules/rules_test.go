package awsrules

import (
	"fmt"
	"maps"
	"slices"
	"testing"
)

// rule is something that AWS refuses, or lets pass and does not do.
type rule struct {
	name string
	// source is the document or report that the rule comes from.
	source string
	// check says what is wrong with a template, and nothing if it is right.
	check func(*deployment) []string
	// mutations are changes that check must find.
	mutations []mutation
}

// mutation is a change of the translated templates.
type mutation struct {
	name string
	with map[string]string // parameters beside those that must be given
	// plant makes the change. What it changes must be there.
	plant func(templates)
}

// combinations are the parameters with which the rules must hold.
func combinations() map[string]map[string]string {
	domain := map[string]string{
		"DomainName": "hooks.example.com", "HostedZoneId": "Z0123456789", "DefaultEndpoint": "false",
		"CertificateArn": "arn:aws:acm:eu-central-1:123456789012:certificate/12345678-1234",
	}
	key := map[string]string{"TableKeyArn": "arn:aws:kms:eu-central-1:123456789012:key/12345678-1234"}
	traces := map[string]string{"Tracing": "true"}
	network := map[string]string{
		"DeliverSubnetIds":        "subnet-0123456789abcdef0,subnet-0123456789abcdef1",
		"DeliverSecurityGroupIds": "sg-0123456789abcdef0", "DeliverDualStack": "true",
	}
	watched := map[string]string{"AlarmTopicArn": "arn:aws:sns:eu-central-1:123456789012:alarms", "NoticeBus": "default", "Dashboard": "true", "SystemLogLevel": "INFO"}
	pages := map[string]string{
		"ServePortal": "true", "PortalName": "Acme", "PortalAccent": "#3b5bdb", "PortalRefreshUrl": "https://acme.example.com/hooks",
		"PortalFrameAncestors": "https://app.example.com https://acme.example.com",
	}
	existing := map[string]string{
		"ExistingWebhooksTable": "webhooks", "ExistingDeliveriesTable": "deliveries",
		"ExistingSealingKmsKeyArn": "arn:aws:kms:eu-central-1:123456789012:key/87654321-4321",
	}
	all := map[string]map[string]string{
		"defaults": {}, "domain": domain, "table key": key, "traces": traces, "network": network, "watched": watched, "existing data": existing, "portal": pages,
		"fewest": {"DeliverConcurrency": "2", "SlowConcurrency": "2", "ApiRateLimit": "1", "LogRetentionDays": "1"},
	}
	everything := map[string]string{"DeliverConcurrency": "1000", "SlowConcurrency": "1000"}
	for _, options := range []map[string]string{domain, key, traces, network, watched, pages} {
		maps.Copy(everything, options)
	}
	everything["ServeDocs"] = "true"
	all["everything"], all["docs"] = everything, map[string]string{"ServeDocs": "true"}
	return all
}

// given are the parameters of a combination, with those that have no default.
func given(with map[string]string) map[string]string {
	all := map[string]string{"AbbeycrossEvents": "trip.started,trip.ended"}
	maps.Copy(all, with)
	return all
}

// rules are all rules, by what they are of.
func rules() []rule {
	return slices.Concat(templateRules(), stackRules(), apiRules(), routeRules(), rightsRules(), policyRules(), deployerRules(), functionRules(), queueRules(), dataRules(), alarmRules())
}

// The templates are as AWS takes them, and the rules would say if they were not.
func TestRules(t *testing.T) {
	all := translate(t)
	t.Run("hold", func(t *testing.T) { rulesHold(t, all) })
	t.Run("find faults", func(t *testing.T) { rulesFindFaults(t, all) })
}

// rulesHold asks all rules, whatever the parameters.
func rulesHold(t *testing.T, all func() templates) {
	for name, with := range combinations() {
		t.Run(name, func(t *testing.T) {
			d := deploy(all(), given(with))
			if len(d.nested) != 2 {
				t.Fatalf("%d nested stacks, want 2", len(d.nested))
			}
			for _, r := range rules() {
				for _, wrong := range r.check(d) {
					t.Errorf("%s: %s (%s)", r.name, wrong, r.source)
				}
			}
		})
	}
}

// rulesFindFaults has every rule find the faults that are planted for it.
func rulesFindFaults(t *testing.T, all func() templates) {
	seen, unchanged := map[string]bool{}, fmt.Sprint(all())
	for _, r := range rules() {
		if seen[r.name] || len(r.mutations) == 0 || r.source == "" {
			t.Errorf("rule %s is there twice, or has no fault or no source", r.name)
		}
		seen[r.name] = true
		for _, f := range r.mutations {
			t.Run(r.name+"/"+f.name, func(t *testing.T) {
				changed := all()
				f.plant(changed)
				if fmt.Sprint(changed) == unchanged {
					t.Fatal("the fault changes nothing")
				}
				if len(r.check(deploy(changed, given(f.with)))) == 0 {
					t.Errorf("not found: see %s", r.source)
				}
			})
		}
	}
}

// set changes a member by its path, whose last name is the member's. A value
// that is nil removes it.
func (all templates) set(value any, path string, names ...string) {
	m := all[path]
	last := len(names) - 1
	for _, name := range names[:last] {
		next, ok := m[name].(object)
		if !ok {
			next = object{}
			m[name] = next
		}
		m = next
	}
	if value == nil {
		delete(m, names[last])
		return
	}
	m[names[last]] = value
}

// main changes a property of a resource of template.yaml.
func (all templates) main(value any, resource string, names ...string) {
	all.set(value, mainPath, append([]string{"Resources", resource, "Properties"}, names...)...)
}

// data changes a property of a resource of infra/data.yaml.
func (all templates) data(value any, resource string, names ...string) {
	all.set(value, dataPath, append([]string{"Resources", resource, "Properties"}, names...)...)
}

// property is a fault in one property of template.yaml.
func property(name string, value any, resource string, names ...string) mutation {
	return mutation{name: name, plant: func(all templates) { all.main(value, resource, names...) }}
}

// dataProperty is a fault in one property of infra/data.yaml.
func dataProperty(name string, value any, resource string, names ...string) mutation {
	return mutation{name: name, plant: func(all templates) { all.data(value, resource, names...) }}
}

// list makes a list of anything.
func list(all ...any) []any { return all }

func ref(name string) object               { return object{"Ref": name} }
func getAtt(name, attribute string) object { return object{"Fn::GetAtt": list(name, attribute)} }
