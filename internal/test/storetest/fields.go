package storetest

import (
	"reflect"
	"testing"
	"time"

	"github.com/hookline/hookline/pkg/webhook"
)

// Every field that a record has comes back, whatever fields those are: as it was
// created, beside its account, and as it was changed, set and unset. A field
// that is new to webhook.Webhook fails this until each store keeps it.
func testEveryField(t *testing.T, s *suite) {
	account := webhook.AccountInfo{Account: newAccount(), CreatedAt: at}
	if err := s.CreateAccount(s.context(t), account); err != nil {
		t.Fatal(err)
	}
	mustHave := func(want webhook.Webhook) {
		t.Helper()
		s.mustRead(t, want)
		s.mustHold(t, account.Account, want)
		x := webhook.Recipient{Webhook: want, Account: account}
		s.mustResolve(t, []webhook.EventKey{eventKey(x)}, x)
	}
	full := newWebhook(account.Account, "event")
	fill(t, reflect.ValueOf(&full).Elem())
	same(t, "created webhooks", s.mustCreate(t, creation(full)), []webhook.Webhook{full})
	mustHave(full)
	if err := s.Delete(s.context(t), []webhook.Webhook{full}); err != nil {
		t.Fatal(err)
	}

	plain := newWebhook(account.Account, "event")
	s.mustCreate(t, creation(plain))
	was := plain
	for _, edit := range []func(*webhook.Webhook){
		func(w *webhook.Webhook) {
			fill(t, reflect.ValueOf(w).Elem())
			// No change touches these.
			w.Position, w.Statistics, w.SlowSince = plain.Position, plain.Statistics, plain.SlowSince
		},
		func(w *webhook.Webhook) {
			version, updated := w.Version, w.UpdatedAt
			*w = plain
			w.Version, w.UpdatedAt = version, updated
		},
	} {
		now := next(was, edit)
		s.mustChange(t, changing(was, now))
		mustHave(now)
		was = now
	}
}

// fill sets every field of a struct that is not set.
func fill(t *testing.T, v reflect.Value) {
	t.Helper()
	for i := range v.NumField() {
		if field, name := v.Field(i), v.Type().Field(i).Name; field.IsZero() {
			fillField(t, field, name)
		}
	}
}

func fillField(t *testing.T, field reflect.Value, name string) {
	t.Helper()
	switch field.Interface().(type) {
	case time.Time:
		field.Set(reflect.ValueOf(at.Add(time.Hour)))
		return
	case []byte:
		field.SetBytes([]byte(name))
		return
	}
	switch kind := field.Kind(); {
	case kind == reflect.String:
		field.SetString(name)
	case kind == reflect.Bool:
		field.SetBool(true)
	case field.CanInt():
		field.SetInt(7)
	case field.CanUint():
		field.SetUint(7)
	case kind == reflect.Struct:
		fill(t, field)
	case kind == reflect.Slice && field.Type().Elem().Kind() == reflect.Struct:
		field.Set(reflect.MakeSlice(field.Type(), 1, 1))
		fill(t, field.Index(0))
	default:
		t.Fatalf("what is %s, a %s, to be set to?", name, field.Type())
	}
}
