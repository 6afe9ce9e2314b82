package main

// examples has command lines for the help of each command.
func examples() map[string][]string {
	return map[string][]string{
		"": {
			"hookline serve --dev",
			"hookline account create squake:acme",
			"hookline help delivery list",
		},
		"serve": {
			"hookline serve --dev",
			"hookline serve --data /var/lib/hookline --listen 127.0.0.1:8080",
			"hookline serve --config /etc/hookline/env",
		},
		"account create": {"hookline account create squake:acme", "hookline account create shoptet:315185-myaddon --stack prod"},
		"account list":   {"hookline account list", "hookline account list squake --json"},
		"account delete": {"hookline account delete squake:acme", "hookline account delete squake:acme --wait"},
		"token create": {
			"hookline token create --account squake:acme",
			"hookline token create --account shoptet:315185 --rights read --expires 30d",
			"hookline token create --operator --rights publish,read,write",
		},
		"token list":      {"hookline token list --account squake:acme", "hookline token list --operator"},
		"token revoke":    {"hookline token revoke 01a218fe-d14d-76ee-a4d8-9b3c50165312 --account squake:acme"},
		"webhook list":    {"hookline webhook list --account squake:acme", "hookline webhook list --all --state failing"},
		"webhook show":    {"hookline webhook show 01a218fe-d14d-76ee-a4d8-9b3c50165312 --account squake:acme"},
		"webhook test":    {"hookline webhook test 01a218fe-d14d-76ee-a4d8-9b3c50165312 --account squake:acme"},
		"webhook enable":  {"hookline webhook enable 01a218fe-d14d-76ee-a4d8-9b3c50165312 --account squake:acme"},
		"webhook disable": {"hookline webhook disable 01a218fe-d14d-76ee-a4d8-9b3c50165312 --account squake:acme"},
		"webhook delete":  {"hookline webhook delete 01a218fe-d14d-76ee-a4d8-9b3c50165312 --account squake:acme"},
		"publish": {
			`hookline publish --account squake:acme --event order --payload '{"hello":"world"}'`,
			"hookline publish --account squake:acme --event order --payload @order.json --id order-7 --time \"$(date -u +%FT%TZ)\"",
			"hookline publish --account shoptet:315185 --event order:create --instance 2026000123",
		},
		"delivery list": {
			"hookline delivery list --status failed --since 2d",
			"hookline delivery list --account squake:acme --last-status 5xx --all",
			"hookline delivery list --follow",
		},
		"trigger":          {"hookline trigger squake order", "hookline trigger squake order --account squake:acme --wait", "hookline trigger shoptet"},
		"delivery show":    {"hookline delivery show 01a218fed259a05ac433907f0e392dc838e92087f2b6 --account squake:acme"},
		"delivery retry":   {"hookline delivery retry 01a218fed259a05ac433907f0e392dc838e92087f2b6 --account squake:acme --wait"},
		"delivery recover": {"hookline delivery recover --account squake:acme --since 2d --dry-run"},
		"portal open":      {"hookline portal open --account squake:acme", "hookline portal open --account squake:acme --session 1h --read-only", "hookline portal open --operator"},
		"portal close":     {"hookline portal close --account squake:acme", "hookline portal close --operator"},
		"backup":           {"hookline backup /backup/hookline-2026-11-26.tar"},
		"restore":          {"hookline restore /backup/hookline-2026-11-26.tar --data /var/lib/hookline"},
		"listen":           {"hookline listen --account squake:demo --event order", "hookline listen --account squake:demo --event order --forward-to http://localhost:3000/hooks", "hookline listen --key @demo.key", "hookline listen --status 503 --retry-after 10s"},
		"config check":     {"hookline config check --data /var/lib/hookline", "hookline config check --config /etc/hookline/env"},
		"completion":       {"hookline completion bash >/etc/bash_completion.d/hookline", "hookline completion zsh >~/.zsh/functions/_hookline", "hookline completion fish >~/.config/fish/completions/hookline.fish"},
		"help":             {"hookline help token create"},
		"version":          {"hookline version --json"},
	}
}
