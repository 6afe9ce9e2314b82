// What a customer writes with the Go clients of openapi-generator. It prints
// what the clients give it, for the test to compare.
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"

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
func must[T any](value T, _ *http.Response, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func never(s *string) string {
	if s == nil {
		return "never"
	}
	return *s
}

func squakeClient(token string) *squake.WebhooksAPIService {
	c := squake.NewConfiguration()
	c.Servers = squake.ServerConfigurations{{URL: os.Getenv("SQUAKE_URL")}}
	c.AddDefaultHeader("Authorization", "Bearer "+token)
	return squake.NewAPIClient(c).WebhooksAPI
}

func doSquake() {
	api := squakeClient(os.Getenv("SQUAKE_TOKEN"))
	registration := squake.Registration{Kind: squake.ORDER, EndpointUrl: "https://example.com/squake"}
	made := must(api.RegisterWebhook(ctx).Registration(registration).Execute())
	fmt.Println("squake registered", made.Kind, made.EndpointUrl, never(made.LastSentAt.Get()), len(made.SigningKey))

	_, response, err := api.RegisterWebhook(ctx).Registration(registration).Execute()
	refused := err.(*squake.GenericOpenAPIError).Model().(squake.Errors).Errors[0]
	fmt.Println("squake refused", response.StatusCode, refused.Code, refused.Source.Attribute, *refused.Source.Id == made.Id)
	_, response, err = squakeClient("wrong").ListWebhooks(ctx).Execute()
	refused = err.(*squake.GenericOpenAPIError).Model().(squake.Errors).Errors[0]
	fmt.Println("squake unauthorized", response.StatusCode, refused.Code, refused.Source.Attribute)

	all := must(api.ListWebhooks(ctx).Execute())
	fmt.Println("squake listed", len(all), all[0].Kind, all[0].FailedAttempts)
	url := "https://example.com/new"
	changed := must(api.ChangeWebhook(ctx, made.Id).Change(squake.Change{EndpointUrl: &url}).Execute())
	fmt.Println("squake changed", changed.Kind, changed.EndpointUrl)
	fmt.Println("squake read", must(api.GetWebhook(ctx, made.Id).Execute()).EndpointUrl)
	if _, err := api.DeleteWebhook(ctx, made.Id).Execute(); err != nil {
		panic(err)
	}
	fmt.Println("squake deleted")
	fmt.Println("squake listed", len(must(api.ListWebhooks(ctx).Execute())))
}

func shoptetClient(token string) *shoptet.APIClient {
	c := shoptet.NewConfiguration()
	c.Servers = shoptet.ServerConfigurations{{URL: os.Getenv("SHOPTET_URL")}}
	c.AddDefaultHeader("Shoptet-Access-Token", token)
	return shoptet.NewAPIClient(c)
}

func doShoptet() {
	client := shoptetClient(os.Getenv("SHOPTET_TOKEN"))
	api := client.WebhooksAPI
	const to = "https://example.com/shoptet"
	full := "full"
	registration := shoptet.Registration{Data: []shoptet.RegistrationItem{
		{Event: shoptet.ORDER_CREATE, Url: to, SendPayload: *shoptet.NewNullableString(&full)},
		{Event: shoptet.ORDER_DELETE, Url: to},
	}}
	made := must(api.RegisterWebhooks(ctx).Registration(registration).Execute()).Data.Webhooks
	payload := func(w shoptet.Webhook) string {
		if p := w.SendPayload.Get(); p != nil {
			return *p
		}
		return "null"
	}
	fmt.Println("shoptet registered", len(made), made[0].Event, payload(made[0]), made[1].Event, payload(made[1]))

	again := shoptet.Registration{Data: registration.Data[:1]}
	_, response, err := api.RegisterWebhooks(ctx).Registration(again).Execute()
	refused := err.(*shoptet.GenericOpenAPIError).Model().(shoptet.Errors).Errors[0]
	fmt.Println("shoptet refused", response.StatusCode, refused.ErrorCode, refused.Instance)
	_, response, err = shoptetClient("wrong").WebhooksAPI.ListWebhooks(ctx).Execute()
	refused = err.(*shoptet.GenericOpenAPIError).Model().(shoptet.Errors).Errors[0]
	fmt.Println("shoptet unauthorized", response.StatusCode, refused.ErrorCode, refused.Instance)

	listed := must(api.ListWebhooks(ctx).ItemsPerPage(1000).Execute()).Data
	fmt.Println("shoptet listed", len(listed.Webhooks), "of", listed.Paginator.TotalCount)
	url := "https://example.com/new"
	changed := must(api.ChangeWebhook(ctx, made[0].Id).Change(shoptet.Change{Data: shoptet.WebhookChange{Url: &url}}).Execute())
	fmt.Println("shoptet changed", changed.Data == nil)
	read := must(api.GetWebhook(ctx, made[1].Id).Execute()).Data.Webhook
	other := must(api.GetWebhook(ctx, made[0].Id).Execute()).Data.Webhook
	fmt.Println("shoptet read", other.Url, never(read.Updated.Get()), other.Updated.Get() == nil)
	fmt.Println("shoptet key", len(must(client.SignatureAPI.RenewSignatureKey(ctx).Execute()).Data.SignatureKey))
	fmt.Println("shoptet notifications", len(must(client.NotificationsAPI.ListNotifications(ctx).Status(shoptet.FAILED).Active("true").Execute()).Data.Notifications))
	fmt.Println("shoptet deleted", must(api.DeleteWebhook(ctx, made[0].Id).Execute()).Data == nil)
	listed = must(api.ListWebhooks(ctx).Execute()).Data
	fmt.Println("shoptet listed", len(listed.Webhooks), "of", listed.Paginator.TotalCount)
}

func abbeycrossClient(token string) *abbeycross.WebhooksAPIService {
	c := abbeycross.NewConfiguration()
	c.Servers = abbeycross.ServerConfigurations{{URL: os.Getenv("ABBEYCROSS_URL")}}
	c.AddDefaultHeader("Authorization", "Bearer "+token)
	return abbeycross.NewAPIClient(c).WebhooksAPI
}

func doAbbeycross() {
	api := abbeycrossClient(os.Getenv("ABBEYCROSS_TOKEN"))
	registration := abbeycross.Registration{Url: "https://example.com/abbeycross", Events: []string{"shipment.created", "shipment.delivered"}}
	key := must(api.RegisterWebhook(ctx).Registration(registration).Execute()).ApiSecretKey
	fmt.Println("abbeycross registered", len(key))

	_, response, err := api.RegisterWebhook(ctx).Registration(registration).Execute()
	refused := err.(*abbeycross.GenericOpenAPIError).Model().(abbeycross.ErrorResponse)
	fmt.Println("abbeycross refused", response.StatusCode, refused.Code, *refused.ParameterName, refused.ParameterValue)
	_, response, err = abbeycrossClient("wrong").ListWebhooks(ctx).Execute()
	refused = err.(*abbeycross.GenericOpenAPIError).Model().(abbeycross.ErrorResponse)
	fmt.Println("abbeycross unauthorized", response.StatusCode, refused.Code)

	all := must(api.ListWebhooks(ctx).Execute()).Webhooks
	fmt.Println("abbeycross listed", len(all), all[0].Events[0], all[0].Events[1])
	rotated := must(api.RotateSecret(ctx, all[0].Id).Execute()).ApiSecretKey
	fmt.Println("abbeycross rotated", len(rotated), rotated != key)
	if _, err := api.DeleteWebhook(ctx, all[0].Id).Execute(); err != nil {
		panic(err)
	}
	fmt.Println("abbeycross deleted")
	fmt.Println("abbeycross listed", len(must(api.ListWebhooks(ctx).Execute()).Webhooks))
}

func operatorClient(token string) *operatorapi.APIClient {
	c := operatorapi.NewConfiguration()
	c.Servers = operatorapi.ServerConfigurations{{URL: os.Getenv("OPERATOR_URL")}}
	c.AddDefaultHeader("Authorization", "Bearer "+token)
	return operatorapi.NewAPIClient(c)
}

func doOperator() {
	client := operatorClient(os.Getenv("OPERATOR_TOKEN"))
	api := client.AccountsAPI
	made := must(api.CreateAccount(ctx, "squake:acme").Execute())
	fmt.Println("operator created", made.Account, made.Closing)
	must(api.CreateAccount(ctx, "squake:other").Execute())

	_, response, err := operatorClient("wrong").AccountsAPI.GetAccount(ctx, "squake:acme").Execute()
	refused := err.(*operatorapi.GenericOpenAPIError).Model().(operatorapi.ErrorResponse).Error
	fmt.Println("operator unauthorized", response.StatusCode, refused.Code)
	_, response, err = api.GetAccount(ctx, "nowhere:1").Execute()
	refused = err.(*operatorapi.GenericOpenAPIError).Model().(operatorapi.ErrorResponse).Error
	fmt.Println("operator refused", response.StatusCode, refused.Code, *refused.Field)

	token := must(client.TokensAPI.CreateToken(ctx, "squake:acme").TokenRequest(operatorapi.TokenRequest{}).Execute())
	fmt.Println("operator token", len(token.Token), token.Rights[0], token.Rights[1], never(token.ExpiresAt.Get()))
	publication := operatorapi.Publication{Events: []operatorapi.Event{{Account: "squake:acme", Event: "order", Payload: map[string]int{"number": 17}}}}
	result := must(client.EventsAPI.PublishEvents(ctx).Publication(publication).Execute()).Results[0]
	delivery := "null"
	if id := result.Delivery.Get(); id != nil {
		delivery = *id
	}
	fmt.Println("operator published", result.Status, delivery)

	var all []string
	for request := api.ListAccounts(ctx).Api("squake").Limit(1); ; {
		page := must(request.Execute())
		for _, a := range page.Accounts {
			all = append(all, a.Account)
		}
		next := page.Next.Get()
		if next == nil {
			break
		}
		request = request.Cursor(*next)
	}
	fmt.Println("operator listed", strings.Join(all, " "))
	fmt.Println("operator deleted", must(api.DeleteAccount(ctx, "squake:acme").Execute()).Closing)
}
