// Package reference renders OpenAPI descriptions as pages: one for each API, with
// code in five languages for each request and for verifying a signature. A page
// needs only the style sheet and the script of this package, runs no inline
// script and loads nothing from elsewhere.
//
// It understands what this project's descriptions use (CONTRIBUTING.md, A
// description), and shows x-strict to no one: that is for validators.
package reference

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/url"
	"slices"
	"strings"

	"github.com/hookline/hookline/pkg/signing/samples"
)

// Description is an API to render.
type Description struct {
	Name string // of the API, and the last segment of its page's path
	Text string // OpenAPI, as YAML
}

//go:embed page.html page.css page.js icon.svg
var pageFiles embed.FS

// Link is an entry of the navigation.
type Link struct {
	Name, Title string
	Current     bool
}

// page is what the template gets.
type page struct {
	Base, Name, Title, Summary, Version string
	Portal                              string // its path, if there is one
	Description                         template.HTML
	APIs                                []Link
	Languages                           []samples.Language
	Tokens                              []Field
	Groups                              []*Group
	Deliveries                          []Operation
	Verify                              []Verification
	Common                              []Response
}

// Group has the operations of a tag.
type Group struct {
	Name        string
	Description template.HTML
	Operations  []Operation
}

// Operation is a request: the customer's, or Hookline's to a webhook.
type Operation struct {
	ID, Method, Path, Summary string
	Description               template.HTML
	Parameters                []Field
	Body                      *Content
	Responses                 []Response
	Samples                   []Sample
}

// Content is a body: its fields and examples.
type Content struct {
	MediaType   string
	Description template.HTML
	Type        string
	Fields      []Field
	Examples    []Example
}

// Example is a body.
type Example struct {
	Title string
	Code  template.HTML
}

// Response is one by its status.
type Response struct {
	Status      string
	Description template.HTML
	Headers     []Field
	Body        *Content
}

// Good reports whether the status is that of a success.
func (r Response) Good() bool { return strings.HasPrefix(r.Status, "2") }

// Verifications returns the ways to verify what an API sends, as its page shows
// them.
func Verifications(d Description) ([]Verification, error) {
	root, err := parse(d.Text)
	if err != nil {
		return nil, err
	}
	return verifications(delivery(root)), nil
}

// Requests returns the code of each request of the descriptions, by API and
// operation.
func Requests(descriptions []Description) (map[string][]Sample, error) {
	code := map[string][]Sample{}
	for _, d := range descriptions {
		root, err := parse(d.Text)
		if err != nil {
			return nil, err
		}
		p, err := newPage(d.Name, root)
		if err != nil {
			return nil, err
		}
		for _, g := range p.Groups {
			for _, op := range g.Operations {
				code[d.Name+"-"+op.ID] = op.Samples
			}
		}
	}
	return code, nil
}

// delivery is what an API sends to webhooks, if it does.
func delivery(root node) node {
	for _, hook := range root.get("webhooks").members() {
		return hook.get("post")
	}
	return node{}
}

// Verification is a way to verify a signature.
type Verification struct {
	Title       string
	Description template.HTML
	Samples     []Sample
}

// Pages renders the descriptions, by name. Their links begin with base, such as
// "/docs". portal is the path of the portal, empty where none is served.
func Pages(base, portal string, descriptions []Description) (map[string][]byte, error) {
	t, err := template.ParseFS(pageFiles, "page.html")
	if err != nil {
		return nil, err
	}
	roots := make([]node, len(descriptions))
	var links []Link
	for i, d := range descriptions {
		if roots[i], err = parse(d.Text); err != nil {
			return nil, fmt.Errorf("description of %s: %w", d.Name, err)
		}
		links = append(links, Link{Name: d.Name, Title: strings.ToUpper(d.Name[:1]) + d.Name[1:]})
		if title, _, own := strings.Cut(roots[i].get("info", "title").text(), " "); own && strings.EqualFold(title, d.Name) {
			links[i].Title = title // as it spells itself
		}
	}
	pages := map[string][]byte{}
	for i, d := range descriptions {
		p, err := newPage(d.Name, roots[i])
		if err != nil {
			return nil, fmt.Errorf("page of %s: %w", d.Name, err)
		}
		p.Base, p.Portal, p.APIs = base, portal, slices.Clone(links)
		p.APIs[i].Current = true
		var out bytes.Buffer
		if err := t.Execute(&out, p); err != nil {
			return nil, fmt.Errorf("page of %s: %w", d.Name, err)
		}
		pages[d.Name] = out.Bytes()
	}
	return pages, nil
}

func newPage(name string, root node) (page, error) {
	info := root.get("info")
	p := page{
		Name: name, Title: info.get("title").text(), Summary: info.get("summary").text(), Version: info.get("version").text(),
		Description: markdown(info.get("description").text()), Languages: samples.Languages(),
	}
	for _, scheme := range root.get("components", "securitySchemes").members() {
		header, prefix := tokenHeader(scheme.node)
		p.Tokens = append(p.Tokens, Field{Name: header, Type: strings.TrimSpace(prefix), Description: markdown(scheme.get("description").text())})
	}
	if err := p.addOperations(root); err != nil {
		return page{}, err
	}
	if sent := delivery(root); sent.exists() {
		op, err := newOperation(root, node{}, "POST", "", sent)
		if err != nil {
			return page{}, err
		}
		p.Deliveries = append(p.Deliveries, op)
	}
	for _, name := range []string{"UnknownPath", "WrongMethod"} {
		if r := root.get("components", "responses", name); r.exists() {
			p.Common = append(p.Common, newResponse(map[string]string{"UnknownPath": "404", "WrongMethod": "405"}[name], r))
		}
	}
	p.Verify = verifications(delivery(root))
	return p, nil
}

// addOperations adds the operations of all paths, by tag.
func (p *page) addOperations(root node) error {
	groups := map[string]*Group{}
	for _, tag := range root.get("tags").items() {
		g := &Group{Name: tag.get("name").text(), Description: markdown(tag.get("description").text())}
		groups[g.Name] = g
		p.Groups = append(p.Groups, g)
	}
	for _, path := range root.get("paths").members() {
		for _, method := range path.members() {
			if method.name == "parameters" {
				continue
			}
			op, err := newOperation(root, path.node, strings.ToUpper(method.name), path.name, method.node)
			if err != nil {
				return err
			}
			g, known := groups[strings.Join(method.get("tags").texts(), " ")]
			if !known {
				return fmt.Errorf("%s %s: its tag is not described", op.Method, op.Path)
			}
			g.Operations = append(g.Operations, op)
		}
	}
	return nil
}

// newOperation reads one. Without a path it is a delivery, of which there is no
// sample.
func newOperation(root, item node, method, path string, op node) (Operation, error) {
	o := Operation{
		ID: op.get("operationId").text(), Method: method, Path: path, Summary: op.get("summary").text(),
		Description: markdown(op.get("description").text()), Body: newContent(op.get("requestBody")),
	}
	address, query := path, url.Values{}
	for _, parameters := range []node{item.get("parameters"), op.get("parameters")} {
		for _, one := range parameters.items() {
			f := parameter(one.get("name").text(), one)
			o.Parameters = append(o.Parameters, f)
			example := one.get("example").text()
			switch {
			case f.In == "path" && example != "":
				address = strings.ReplaceAll(address, "{"+f.Name+"}", example)
			case f.In == "query" && f.Required:
				query.Set(f.Name, example)
			}
		}
	}
	for _, r := range op.get("responses").members() {
		o.Responses = append(o.Responses, newResponse(r.name, r.node))
	}
	if path == "" {
		return o, nil
	}
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	r := request{Method: method, URL: Origin + address, Body: firstExample(op.get("requestBody"))}
	for _, m := range root.get("security").items()[0].members() {
		r.Header, r.Prefix = tokenHeader(root.get("components", "securitySchemes", m.name))
	}
	var err error
	o.Samples, err = r.samples()
	return o, err
}

// tokenHeader returns the header of a security scheme and what precedes the
// token.
func tokenHeader(scheme node) (header, prefix string) {
	if scheme.get("type").text() == "http" {
		return "Authorization", "Bearer "
	}
	return scheme.get("name").text(), ""
}

func newResponse(status string, r node) Response {
	response := Response{Status: status, Description: markdown(r.get("description").text()), Body: newContent(r)}
	for _, h := range r.get("headers").members() {
		response.Headers = append(response.Headers, parameter(h.name, h.node))
	}
	return response
}

// newContent returns the first content of a body, nil if there is none.
func newContent(body node) *Content {
	contents := body.get("content").members()
	if len(contents) == 0 {
		return nil
	}
	media := contents[0]
	schema := media.get("schema")
	c := &Content{
		MediaType: media.name, Description: markdown(schema.get("description").text()), Type: typeOf(schema), Fields: fields(schema, 0),
	}
	for _, e := range media.get("examples").members() {
		c.Examples = append(c.Examples, Example{e.get("summary").text(), highlight(e.get("value").literal(jsonWords(), ""))})
	}
	return c
}

func firstExample(body node) node {
	for _, media := range body.get("content").members() {
		for _, e := range media.get("examples").members() {
			return e.get("value")
		}
	}
	return node{}
}

// verifications are the ways to verify a delivery: by the header that its
// x-signature names, if there is one, and by Standard Webhooks.
func verifications(delivery node) []Verification {
	var list []Verification
	if own := delivery.get("x-signature"); own.exists() {
		header, hash := own.get("header").text(), own.get("hash").text()
		list = append(list, Verification{"By " + header, markdown(fmt.Sprintf(
			"The header is the hex HMAC-%s of the raw body, keyed with the text of the signing key. It does not cover the time.", strings.ToUpper(hash),
		)), highlighted(samples.Own(header, hash))})
	}
	return append(list, Verification{"By Standard Webhooks", markdown(
		"`webhook-signature` covers `webhook-id`, `webhook-timestamp` and the raw body, so that an old delivery cannot be sent again. " +
			"Any library of Standard Webhooks does the same, and takes the key as it was shown.",
	), highlighted(samples.Standard())})
}
