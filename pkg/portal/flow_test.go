package portal_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	cdpbrowser "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/hookline/hookline/internal/test/browser"
	"github.com/hookline/hookline/internal/test/long"
	"github.com/hookline/hookline/pkg/webhook"
)

// until waits for a condition, across pages.
func until(condition string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		for {
			if ok, err := chromedp.Evaluate[bool](condition)(ctx, target); ok && err == nil {
				return nil
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("%s: %w", condition, ctx.Err())
			case <-time.After(20 * time.Millisecond):
			}
		}
	})
}

// shows waits for a text.
func shows(text string) chromedp.Action[chromedp.Void] {
	return until("document.readyState === 'complete' && document.body.innerText.includes(`" + text + "`)")
}

// TestInABrowser goes through the pages by keyboard, with scripts: a wrong
// field is shown beside it, a new key is shown once and copied, what waits is
// shown anew by itself, and a recovery ends.
func TestInABrowser(t *testing.T) {
	if !long.Pick(false, true) {
		t.Skip("part of the long run")
	}
	t.Parallel()
	e := newEnv(t)
	var seen browser.Sightings
	ctx := browser.Open(t, &seen, 10*timeout)
	do := func(what string, steps ...chromedp.Action[chromedp.Void]) {
		t.Helper()
		if err := chromedp.Do(ctx, steps...); err != nil {
			page, _ := chromedp.Run(ctx, chromedp.Evaluate[string](`document.body.innerText`))
			t.Fatalf("%s: %v\n%s", what, err, page)
		}
	}
	do("enter", chromedp.Navigate(e.URL+"/portal/enter?link="+e.ways.open(t, squakeAccount, webhook.AllRights)))
	for _, name := range []string{"clipboard-read", "clipboard-write"} {
		allow := cdpbrowser.SetPermissionParams{Origin: e.URL, Setting: cdpbrowser.PermissionSettingGranted, Permission: &cdpbrowser.PermissionDescriptor{Name: name}}
		if _, err := chromedp.CallBrowser(ctx, cdpbrowser.SetPermission, allow); err != nil {
			t.Fatal(err)
		}
	}
	do("enter", chromedp.KeyEvent(kb.Tab+kb.Enter), shows("No webhooks yet"))
	do("skip", chromedp.KeyEvent(kb.Tab), until(`document.activeElement.textContent === "Skip to content"`))
	do("register", chromedp.Click(chromedp.CSS(".empty .button")), chromedp.WaitVisible(chromedp.CSS("#url")),
		chromedp.Click(chromedp.CSS(`input[value=order]`)), chromedp.SendKeys(chromedp.CSS("#url"), "https://exa mple"+kb.Enter),
		shows("Nothing was done."), until(`document.querySelector("#url").value === "https://exa mple" && document.querySelector("input[value=order]").checked`),
		chromedp.Clear(chromedp.CSS("#url")), chromedp.SendKeys(chromedp.CSS("#url"), e.receiver.URL+kb.Enter), shows("This signing key is shown once"))
	key, err := chromedp.Run(ctx, chromedp.TextContent(chromedp.CSS("#key")))
	if err != nil || len(key) != 44 {
		t.Fatalf("key %q, %v", key, err)
	}
	do("copy", chromedp.Click(chromedp.CSS("button[data-copy=key]")), shows("Copied"))
	copied, err := chromedp.Run(ctx, chromedp.Evaluate[string](`navigator.clipboard.readText()`, chromedp.EvalAwaitPromise))
	if err != nil || copied != key {
		t.Errorf("copied %q, %v", copied, err)
	}
	shoot(ctx, t, "shown-key-light-1200.png")
	do("send a form twice", chromedp.Navigate(e.URL+"/portal/webhooks/new"), chromedp.WaitVisible(chromedp.CSS("#url")),
		chromedp.Click(chromedp.CSS(`input[value=confirmation_document_available]`)), chromedp.SendKeys(chromedp.CSS("#url"), e.receiver.URL),
		chromedp.Evaluate[chromedp.Void](`(async form => { await fetch(form.action, {method: "POST", body: new URLSearchParams(new FormData(form))}); form.submit() })(document.querySelector("form.card"))`),
		shows("It seems that the form was sent twice."))
	shoot(ctx, t, "shown-twice-light-1200.png")

	e.status.Store(http.StatusInternalServerError)
	id := e.publish(t, squakeAccount, "order", "", `{"order":"2026-00042"}`, time.Now())
	e.attempted(t, squakeAccount, id, 1)
	do("pending", chromedp.Navigate(e.URL+"/portal/deliveries/"+id), shows("Attempt 2 comes"))
	do("remember", chromedp.Evaluate[chromedp.Void](`window.same = true`))
	e.status.Store(http.StatusNoContent)
	do("refreshed", shows("Attempt 2 succeeded"), until(`window.same === true`))

	e.status.Store(http.StatusBadRequest)
	for range 3 {
		e.fail(ctx, t)
	}
	e.status.Store(http.StatusNoContent)
	do("recover", chromedp.Navigate(e.URL+"/portal/recover"), chromedp.Click(chromedp.CSS("form.card .button.main")), shows("3 to send again"),
		chromedp.Click(chromedp.CSS("form .button.main")), shows("3 sent again."))
	do("enter as the operator", chromedp.Navigate(e.URL+"/portal/operator/enter?link="+e.ways.open(t, operator, webhook.AllRights)), chromedp.KeyEvent(kb.Tab+kb.Enter), shows("squake:other"))
	do("make a token", chromedp.Click(chromedp.CSS(`a[href$="squake:other"]`)), shows("Enter its pages"), chromedp.Click(chromedp.CSS(`a[href$="/tokens/new"]`)), shows("Make a token"),
		chromedp.Click(chromedp.CSS("form.card .button.main")), shows("This token is shown once"))
	shoot(ctx, t, "shown-token-light-1200.png")
	do("enter its pages", chromedp.Click(chromedp.CSS(".actions .button.main")), chromedp.Click(chromedp.CSS("form[action$='/enter'] .button")), shows("No webhooks yet"), shows("All accounts"))
	do("leave", chromedp.Click(chromedp.CSS(".who button")), shows("You have left"))
	for _, trouble := range seen.Troubles() {
		if !strings.Contains(trouble, "422") && !strings.Contains(trouble, "409") {
			t.Error(trouble)
		}
	}
}
