package portal

import (
	"net/http"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// SheetHandler serves the sheet of parts at /portal/sheet.
var SheetHandler = sheetHandler

// Cookie returns the cookie of a session.
func Cookie(s Settings, secret webhook.Secret, expires time.Time) *http.Cookie {
	p := portal{Config: Config{Settings: s}}
	return p.cookie(secret, expires)
}
