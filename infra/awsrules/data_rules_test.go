package awsrules

import (
	"fmt"
	"slices"
)

// dataRules are of DynamoDB's tables.
func dataRules() []rule {
	const guide = "https://docs.aws.amazon.com/amazondynamodb/latest/"
	key := combinations()["table key"]
	return []rule{
		{
			name: "a table defines its keys", source: guide + "APIReference/API_CreateTable.html", check: tablesDefineTheirKeys,
			mutations: []mutation{
				dataProperty("one attribute more", list(object{"AttributeName": "pk", "AttributeType": "S"}, object{"AttributeName": "sk", "AttributeType": "S"},
					object{"AttributeName": "z", "AttributeType": "N"}), "WebhooksTable", "AttributeDefinitions"),
				dataProperty("one less", list(object{"AttributeName": "pk", "AttributeType": "S"}), "WebhooksTable", "AttributeDefinitions"),
				dataProperty("an index without its keys' types", nil, "DeliveriesTable", "GlobalSecondaryIndexes"),
			},
		},
		{
			name: "projections", source: guide + "developerguide/ServiceQuotas.html#limits-secondary-indexes", check: projectionsFit,
			mutations: []mutation{{name: "a key of the table", plant: func(all templates) {
				for _, index := range items(at(all[dataPath], "Resources", "DeliveriesTable", "Properties", "GlobalSecondaryIndexes")) {
					members(at(index, "Projection"))["NonKeyAttributes"] = list("pk", "y")
				}
			}}},
		},
		{
			name: "a table's own key is named whole", source: guide + "APIReference/API_SSESpecification.html", check: encryptionIsWhole,
			mutations: []mutation{
				{name: "AWS's kind", with: key, plant: func(all templates) {
					all.data(object{"SSEEnabled": true, "SSEType": "AES256", "KMSMasterKeyId": ref("TableKeyArn")}, "WebhooksTable", "SSESpecification")
				}},
				{name: "no key", with: key, plant: func(all templates) {
					all.data(object{"SSEEnabled": true, "SSEType": "KMS"}, "DeliveriesTable", "SSESpecification")
				}},
			},
		},
	}
}

// tables gives the properties of all tables by name.
func (d *deployment) tables() map[string]object {
	all := map[string]object{}
	for _, one := range d.all() {
		for _, name := range one.ofKind("AWS::DynamoDB::Table") {
			all[name] = one.resources[name].properties
		}
	}
	return all
}

func names(list any) []string {
	var all []string
	for _, item := range items(list) {
		all = append(all, text(at(item, "AttributeName")))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func tablesDefineTheirKeys(d *deployment) []string {
	var wrong []string
	for name, p := range d.tables() {
		used := names(p["KeySchema"])
		for _, index := range items(p["GlobalSecondaryIndexes"]) {
			used = append(used, names(at(index, "KeySchema"))...)
		}
		slices.Sort(used)
		if defined := names(p["AttributeDefinitions"]); !slices.Equal(defined, slices.Compact(used)) {
			wrong = append(wrong, fmt.Sprintf("%s defines %v, uses %v", name, defined, used))
		}
	}
	return wrong
}

func projectionsFit(d *deployment) []string {
	var wrong []string
	for name, p := range d.tables() {
		total := 0
		for _, index := range items(p["GlobalSecondaryIndexes"]) {
			keys := append(names(p["KeySchema"]), names(at(index, "KeySchema"))...)
			projected := texts(at(index, "Projection", "NonKeyAttributes"))
			total += len(projected)
			for _, attribute := range projected {
				if slices.Contains(keys, attribute) {
					wrong = append(wrong, fmt.Sprintf("%s: index %v projects the key %s", name, at(index, "IndexName"), attribute))
				}
			}
		}
		if total > 100 {
			wrong = append(wrong, fmt.Sprintf("%s: %d projected attributes, at most 100", name, total))
		}
	}
	return wrong
}

func encryptionIsWhole(d *deployment) []string {
	var wrong []string
	for name, p := range d.tables() {
		specification := members(p["SSESpecification"])
		if d.parameters["TableKeyArn"] == "" {
			if specification != nil {
				wrong = append(wrong, name+" has a key that nobody asked for")
			}
			continue
		}
		if specification["SSEType"] != "KMS" || specification["KMSMasterKeyId"] != d.parameters["TableKeyArn"] || specification["SSEEnabled"] != true {
			wrong = append(wrong, fmt.Sprintf("%s: %v", name, specification))
		}
	}
	return wrong
}
