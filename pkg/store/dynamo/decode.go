package dynamo

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/hookline/hookline/pkg/webhook"
)

// decoder reads the attributes of one item and keeps the error for the first
// that is missing or malformed. Its errors name attributes, never their values.
type decoder struct {
	item item
	err  error
}

func (d *decoder) fail(name string) {
	if d.err == nil {
		d.err = fmt.Errorf("attribute %q is missing or malformed", name)
	}
}

func (d *decoder) str(name string) string {
	v, ok := d.item[name].(*types.AttributeValueMemberS)
	if !ok {
		d.fail(name)
		return ""
	}
	return v.Value
}

// optionalStr reads a string that is absent if empty.
func (d *decoder) optionalStr(name string) string {
	if _, ok := d.item[name]; !ok {
		return ""
	}
	return d.str(name)
}

// sortAfter reads the part of the sort key after prefix.
func (d *decoder) sortAfter(prefix string) string { return d.after(attrSK, prefix) }

// after reads the part of a string after prefix.
func (d *decoder) after(name, prefix string) string {
	rest, ok := strings.CutPrefix(d.str(name), prefix)
	if !ok {
		d.fail(name)
	}
	return rest
}

func (d *decoder) num(name string) int64 {
	v, ok := d.item[name].(*types.AttributeValueMemberN)
	if !ok {
		d.fail(name)
		return 0
	}
	n, err := strconv.ParseInt(v.Value, 10, 64)
	if err != nil {
		d.fail(name)
	}
	return n
}

// optionalNum reads a number that is absent if 0.
func (d *decoder) optionalNum(name string) int64 {
	if _, ok := d.item[name]; !ok {
		return 0
	}
	return d.num(name)
}

func (d *decoder) time(name string) time.Time { return time.UnixMilli(d.num(name)).UTC() }

// optionalTime reads a time that is absent if zero.
func (d *decoder) optionalTime(name string) time.Time {
	if _, ok := d.item[name]; !ok {
		return time.Time{}
	}
	return d.time(name)
}

// duration reads how long an attempt took.
func (d *decoder) duration() time.Duration {
	return time.Duration(d.optionalNum(attrDuration)) * time.Millisecond
}

// bytes reads bytes that are absent if empty. It copies them, since several
// records may be made from an item.
func (d *decoder) bytes(name string) []byte {
	attr, ok := d.item[name]
	if !ok {
		return nil
	}
	v, ok := attr.(*types.AttributeValueMemberB)
	if !ok {
		d.fail(name)
		return nil
	}
	return bytes.Clone(v.Value)
}

// flag reads a boolean that is absent if false.
func (d *decoder) flag(name string) bool {
	attr, ok := d.item[name]
	if !ok {
		return false
	}
	v, ok := attr.(*types.AttributeValueMemberBOOL)
	if !ok {
		d.fail(name)
		return false
	}
	return v.Value
}

// retired reads the retired keys.
func (d *decoder) retired() []webhook.RetiredKey {
	attr, ok := d.item[attrRetired]
	if !ok {
		return nil
	}
	list, ok := attr.(*types.AttributeValueMemberL)
	if !ok {
		d.fail(attrRetired)
		return nil
	}
	keys := make([]webhook.RetiredKey, len(list.Value))
	for i, element := range list.Value {
		retired, ok := element.(*types.AttributeValueMemberM)
		if !ok {
			d.fail(attrRetired)
			return nil
		}
		of := decoder{item: retired.Value}
		keys[i] = webhook.RetiredKey{Sealed: of.bytes(attrSealed), Until: of.time(attrExpires)}
		if of.err != nil {
			d.fail(attrRetired)
		}
	}
	return keys
}

// token reads the attributes that a token's item and its entry in the account's
// list share.
func (d *decoder) rights() webhook.Rights {
	rights := d.num(attrRights)
	if rights < 0 || rights > 255 {
		d.fail(attrRights)
	}
	return webhook.Rights(rights) //nolint:gosec // bounded above
}

func (d *decoder) token() webhook.Token {
	return webhook.Token{
		Rights:    d.rights(),
		CreatedAt: d.time(attrCreated),
		ExpiresAt: d.optionalTime(attrExpires),
	}
}
