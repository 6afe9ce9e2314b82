package dynamo

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/hookline/hookline/pkg/webhook"
)

// The values of attrStatus.
const (
	codeNew     = 0 // absent
	codeFailed  = 1
	codeSuccess = 2
)

// putStatus encodes the status of a delivery by this table, where - is an
// absent attribute:
//
//	            s  p                                               j
//	pending     -  true                                            -
//	retrying    1  true                                            -
//	delivered   2  -, or true while another attempt is to come     -
//	failed      1  false                                           -
//	cancelled   1  false                                           true
//
// Earlier versions had three statuses and a flag for another attempt to come.
// They read these records correctly, so both versions may run during a
// deployment: they treat p = false as an absent p and ignore j, which has no
// meaning with another p.
func putStatus(it item, d webhook.Delivery) {
	switch d.Status {
	case webhook.StatusPending:
		putFlag(it, attrActive, true)
	case webhook.StatusRetrying:
		putNum(it, attrStatus, codeFailed)
		putFlag(it, attrActive, true)
	case webhook.StatusDelivered:
		putNum(it, attrStatus, codeSuccess)
		putFlag(it, attrActive, d.Open())
	case webhook.StatusFailed, webhook.StatusCancelled:
		putNum(it, attrStatus, codeFailed)
		it[attrActive] = &types.AttributeValueMemberBOOL{Value: false}
		putFlag(it, attrCancelled, d.Status == webhook.StatusCancelled)
	}
}

// formerlyCancelled begins the Reason of cancelled deliveries, and of no
// others, that earlier versions wrote. Such records expire 8 days after the
// last of these versions ran.
const formerlyCancelled = "cancelled: "

// status decodes what putStatus or an earlier version wrote.
func (d *decoder) status() webhook.Status {
	_, said := d.item[attrActive]
	another := d.flag(attrActive)
	switch d.optionalNum(attrStatus) {
	case codeNew:
		return webhook.StatusPending
	case codeSuccess:
		return webhook.StatusDelivered
	case codeFailed:
		switch {
		case another:
			return webhook.StatusRetrying
		case said && d.flag(attrCancelled):
			return webhook.StatusCancelled
		case said:
			return webhook.StatusFailed
		case strings.HasPrefix(d.optionalStr(attrReason), formerlyCancelled):
			return webhook.StatusCancelled
		}
		return webhook.StatusFailed
	}
	d.fail(attrStatus)
	return webhook.StatusPending
}
