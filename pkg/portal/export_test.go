package portal

import (
	"net/http"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// SheetHandler serves the sheet of parts at /portal/sheet.
var SheetHandler = sheetHandler

// Cookie returns the cookie of an account's session, OperatorCookie that of the
// operator's.
func Cookie(s Settings, secret webhook.Secret, expires time.Time) *http.Cookie {
	return s.accountCookie(secret, expires)
}

func OperatorCookie(s Settings, secret webhook.Secret, expires time.Time) *http.Cookie {
	return s.operatorCookie(secret, expires)
}
