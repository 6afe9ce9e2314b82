package faultproxy

import "encoding/json"

// askCapacity adds ReturnConsumedCapacity to a request that can have it. Writing
// transactions are left out: DynamoDB Local 2.6.1 counts 4 units for any that
// has more than one item.
func askCapacity(op string, body []byte) []byte {
	switch op {
	case "GetItem", "Query", "BatchGetItem", "TransactGetItems", "Scan",
		"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem":
	default:
		return body
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(body, &fields) != nil {
		return body // the upstream says what is wrong with it
	}
	fields["ReturnConsumedCapacity"] = json.RawMessage(`"TOTAL"`)
	asked, err := json.Marshal(fields)
	if err != nil {
		return body
	}
	return asked
}

// consumed adds up what an answer says was consumed.
func (p *Proxy) consumed(op string, body []byte) {
	var answer struct{ ConsumedCapacity json.RawMessage }
	if json.Unmarshal(body, &answer) != nil || answer.ConsumedCapacity == nil {
		return
	}
	type capacity struct{ CapacityUnits float64 }
	var one capacity
	var several []capacity
	if json.Unmarshal(answer.ConsumedCapacity, &several) != nil {
		if json.Unmarshal(answer.ConsumedCapacity, &one) != nil {
			return
		}
		several = []capacity{one}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range several {
		switch op {
		case "GetItem", "Query", "BatchGetItem", "TransactGetItems", "Scan":
			p.counts.ReadUnits += c.CapacityUnits
		default:
			p.counts.WriteUnits += c.CapacityUnits
		}
	}
}
