// What a customer writes with the Go clients of oapi-codegen. It prints what
// the clients give it, for the test to compare.
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"

	"clients/abbeycross"
	"clients/operatorapi"
	"clients/shoptet"
	"clients/squake"
)

var ctx = context.Background()

func main() {
	doSquake()
	doShoptet()
	doAbbeycross()
	doOperator()
}

// must ends the program if a call failed.
func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// bring adds a header to each request.
func bring(name, value string) func(context.Context, *http.Request) error {
	return func(_ context.Context, r *http.Request) error {
		r.Header.Set(name, value)
		return nil
	}
}

func or(s *string, otherwise string) string {
	if s == nil {
		return otherwise
	}
	return *s
}

func squakeClient(token string) *squake.ClientWithResponses {
	return must(squake.NewClientWithResponses(os.Getenv("SQUAKE_URL"), squake.WithRequestEditorFn(bring("Authorization", "Bearer "+token))))
}

func doSquake() {
	api := squakeClient(os.Getenv("SQUAKE_TOKEN"))
	registration := squake.Registration{Kind: squake.Order, EndpointUrl: "https://example.com/squake"}
	made := must(api.RegisterWebhookWithResponse(ctx, registration)).JSON201
	fmt.Println("squake registered", made.Kind, made.EndpointUrl, or(made.LastSentAt, "never"), len(made.SigningKey))
	again := must(api.RegisterWebhookWithResponse(ctx, registration))
	refused := again.JSON422.Errors[0]
	fmt.Println("squake refused", again.StatusCode(), refused.Code, refused.Source.Attribute, *refused.Source.Id == made.Id)
	wrong := must(squakeClient("wrong").ListWebhooksWithResponse(ctx))
	refused = wrong.JSON401.Errors[0]
	fmt.Println("squake unauthorized", wrong.StatusCode(), refused.Code, refused.Source.Attribute)
	all := *must(api.ListWebhooksWithResponse(ctx)).JSON200
	fmt.Println("squake listed", len(all), all[0].Kind, all[0].FailedAttempts)
	url := "https://example.com/new"
	changed := must(api.ChangeWebhookWithResponse(ctx, made.Id, squake.Change{EndpointUrl: &url})).JSON200
	fmt.Println("squake changed", changed.Kind, changed.EndpointUrl)
	fmt.Println("squake read", must(api.GetWebhookWithResponse(ctx, made.Id)).JSON200.EndpointUrl)
	if must(api.DeleteWebhookWithResponse(ctx, made.Id)).StatusCode() == http.StatusNoContent {
		fmt.Println("squake deleted")
	}
	fmt.Println("squake listed", len(*must(api.ListWebhooksWithResponse(ctx)).JSON200))
}

func shoptetClient(token string) *shoptet.ClientWithResponses {
	return must(shoptet.NewClientWithResponses(os.Getenv("SHOPTET_URL"), shoptet.WithRequestEditorFn(bring("Shoptet-Access-Token", token))))
}

func doShoptet() {
	api := shoptetClient(os.Getenv("SHOPTET_TOKEN"))
	full, to := "full", "https://example.com/shoptet"
	items := []shoptet.RegistrationItem{
		{Event: shoptet.OrderCreate, Url: to, SendPayload: &full}, {Event: shoptet.OrderDelete, Url: to},
	}
	made := must(api.RegisterWebhooksWithResponse(ctx, shoptet.Registration{Data: items})).ApplicationjsonCharsetUtf8201.Data.Webhooks
	fmt.Println("shoptet registered", len(made), made[0].Event, or(made[0].SendPayload, "null"), made[1].Event, or(made[1].SendPayload, "null"))
	again := must(api.RegisterWebhooksWithResponse(ctx, shoptet.Registration{Data: items[:1]}))
	refused := again.ApplicationjsonCharsetUtf8422.Errors[0]
	fmt.Println("shoptet refused", again.StatusCode(), refused.ErrorCode, refused.Instance)
	wrong := must(shoptetClient("wrong").ListWebhooksWithResponse(ctx, nil))
	refused = wrong.ApplicationjsonCharsetUtf8401.Errors[0]
	fmt.Println("shoptet unauthorized", wrong.StatusCode(), refused.ErrorCode, refused.Instance)
	size := 1000
	listed := must(api.ListWebhooksWithResponse(ctx, &shoptet.ListWebhooksParams{ItemsPerPage: &size})).ApplicationjsonCharsetUtf8200.Data
	fmt.Println("shoptet listed", len(listed.Webhooks), "of", listed.Paginator.TotalCount)
	url := "https://example.com/new"
	changed := must(api.ChangeWebhookWithResponse(ctx, made[0].Id, shoptet.Change{Data: shoptet.WebhookChange{Url: &url}}))
	fmt.Println("shoptet changed", changed.ApplicationjsonCharsetUtf8200.Data == nil)
	read := must(api.GetWebhookWithResponse(ctx, made[1].Id)).ApplicationjsonCharsetUtf8200.Data.Webhook
	other := must(api.GetWebhookWithResponse(ctx, made[0].Id)).ApplicationjsonCharsetUtf8200.Data.Webhook
	fmt.Println("shoptet read", other.Url, or(read.Updated, "never"), other.Updated == nil)
	fmt.Println("shoptet key", len(must(api.RenewSignatureKeyWithResponse(ctx)).ApplicationjsonCharsetUtf8200.Data.SignatureKey))
	status, active := shoptet.Failed, shoptet.ListNotificationsParamsActive("true")
	sent := must(api.ListNotificationsWithResponse(ctx, &shoptet.ListNotificationsParams{Status: &status, Active: &active}))
	fmt.Println("shoptet notifications", len(sent.ApplicationjsonCharsetUtf8200.Data.Notifications))
	deleted := must(api.DeleteWebhookWithResponse(ctx, made[0].Id))
	fmt.Println("shoptet deleted", deleted.ApplicationjsonCharsetUtf8200.Data == nil)
	listed = must(api.ListWebhooksWithResponse(ctx, nil)).ApplicationjsonCharsetUtf8200.Data
	fmt.Println("shoptet listed", len(listed.Webhooks), "of", listed.Paginator.TotalCount)
}

func abbeycrossClient(token string) *abbeycross.ClientWithResponses {
	return must(abbeycross.NewClientWithResponses(os.Getenv("ABBEYCROSS_URL"), abbeycross.WithRequestEditorFn(bring("Authorization", "Bearer "+token))))
}

func doAbbeycross() {
	api := abbeycrossClient(os.Getenv("ABBEYCROSS_TOKEN"))
	registration := abbeycross.Registration{Url: "https://example.com/abbeycross", Events: []string{"shipment.created", "shipment.delivered"}}
	key := must(api.RegisterWebhookWithResponse(ctx, registration)).JSON201.ApiSecretKey
	fmt.Println("abbeycross registered", len(key))
	again := must(api.RegisterWebhookWithResponse(ctx, registration))
	refused := again.JSON400
	fmt.Println("abbeycross refused", again.StatusCode(), refused.Code, *refused.ParameterName, refused.ParameterValue)
	wrong := must(abbeycrossClient("wrong").ListWebhooksWithResponse(ctx))
	fmt.Println("abbeycross unauthorized", wrong.StatusCode(), wrong.JSON401.Code)
	all := must(api.ListWebhooksWithResponse(ctx)).JSON200.Webhooks
	fmt.Println("abbeycross listed", len(all), all[0].Events[0], all[0].Events[1])
	rotated := must(api.RotateSecretWithResponse(ctx, all[0].Id)).JSON200.ApiSecretKey
	fmt.Println("abbeycross rotated", len(rotated), rotated != key)
	if must(api.DeleteWebhookWithResponse(ctx, all[0].Id)).StatusCode() == http.StatusNoContent {
		fmt.Println("abbeycross deleted")
	}
	fmt.Println("abbeycross listed", len(must(api.ListWebhooksWithResponse(ctx)).JSON200.Webhooks))
}

func operatorClient(token string) *operatorapi.ClientWithResponses {
	return must(operatorapi.NewClientWithResponses(os.Getenv("OPERATOR_URL"), operatorapi.WithRequestEditorFn(bring("Authorization", "Bearer "+token))))
}

func doOperator() {
	api := operatorClient(os.Getenv("OPERATOR_TOKEN"))
	made := must(api.CreateAccountWithResponse(ctx, "squake:acme")).JSON201
	fmt.Println("operator created", made.Account, made.Closing)
	must(api.CreateAccountWithResponse(ctx, "squake:other"))

	wrong := must(operatorClient("wrong").GetAccountWithResponse(ctx, "squake:acme"))
	fmt.Println("operator unauthorized", wrong.StatusCode(), wrong.JSON401.Error.Code)
	unknown := must(api.GetAccountWithResponse(ctx, "nowhere:1"))
	fmt.Println("operator refused", unknown.StatusCode(), unknown.JSON400.Error.Code, *unknown.JSON400.Error.Field)

	token := must(api.CreateTokenWithResponse(ctx, "squake:acme", operatorapi.TokenRequest{})).JSON201
	fmt.Println("operator token", len(token.Token), token.Rights[0], token.Rights[1], or(token.ExpiresAt, "never"))
	var payload any = map[string]int{"number": 17}
	publication := operatorapi.Publication{Events: []operatorapi.Event{{Account: "squake:acme", Event: "order", Payload: &payload}}}
	result := must(api.PublishEventsWithResponse(ctx, publication)).JSON202.Results[0]
	fmt.Println("operator published", result.Status, or(result.Delivery, "null"))

	fmt.Print("operator listed")
	one := 1
	for parameters := (operatorapi.ListAccountsParams{Api: "squake", Limit: &one}); ; {
		page := must(api.ListAccountsWithResponse(ctx, &parameters)).JSON200
		for _, a := range page.Accounts {
			fmt.Print(" ", a.Account)
		}
		if page.Next == nil {
			break
		}
		parameters.Cursor = page.Next
	}
	fmt.Println()
	fmt.Println("operator deleted", must(api.DeleteAccountWithResponse(ctx, "squake:acme")).JSON202.Closing)
}
