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
	fields["ReturnConsumedCapacity"] = json.RawMessage(`"INDEXES"`)
	asked, err := json.Marshal(fields)
	if err != nil {
		return body
	}
	return asked
}

// consumed adds up what an answer says was consumed.
func (p *Proxy) consumed(op string, body []byte) {
	var response struct{ ConsumedCapacity json.RawMessage }
	if json.Unmarshal(body, &response) != nil || response.ConsumedCapacity == nil {
		return
	}
	var several []capacity
	if json.Unmarshal(response.ConsumedCapacity, &several) != nil {
		several = make([]capacity, 1)
		if json.Unmarshal(response.ConsumedCapacity, &several[0]) != nil {
			return
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range several {
		index := 0.0
		for _, i := range c.GlobalSecondaryIndexes {
			index += i.CapacityUnits
		}
		switch op {
		case "GetItem", "Query", "BatchGetItem", "TransactGetItems", "Scan":
			p.counts.ReadUnits += c.CapacityUnits
		default:
			p.counts.WriteUnits += c.CapacityUnits - index
			p.counts.IndexUnits += index
		}
	}
}

// capacity is what an answer says of one table. The units are those of its
// indexes too.
type capacity struct {
	CapacityUnits          float64
	GlobalSecondaryIndexes map[string]struct{ CapacityUnits float64 }
}
