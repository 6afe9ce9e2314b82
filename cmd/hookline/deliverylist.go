package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hookline/hookline/pkg/api/all"
	"github.com/hookline/hookline/pkg/client"
	"github.com/hookline/hookline/pkg/webhook"
)

// maxScanned is how many deliveries of an account one list looks through for
// what the server does not select, unless all are asked for.
const maxScanned = 10_000

type deliveryList struct {
	Account *accountName  `help:"Only deliveries of this account (default: of all, which reads every account)." placeholder:"<api>:<id>"`
	Event   string        `help:"Only deliveries of this event." placeholder:"NAME"`
	Status  *statusFlag   `help:"Only deliveries with this status: ${statuses}." placeholder:"STATUS"`
	Since   time.Duration `help:"Only events that happened within this duration (default: all)." placeholder:"2d"`
	From    *moment       `help:"Only events that happened at this time or later." placeholder:"2026-01-15T10:30:00Z"`
	Until   *moment       `help:"Only events that happened before this time." placeholder:"2026-01-15T10:30:00Z"`

	Webhook    string    `help:"Only deliveries to this webhook." placeholder:"ID"`
	LastStatus *codeFlag `help:"Only deliveries whose latest response had this status; none: attempted without a response." placeholder:"404|5xx|none"`
	Text       string    `help:"Only deliveries with this text, in any case, in id, account, event, webhook, URL or reason." placeholder:"TEXT"`

	Limit  int    `help:"Maximum number of deliveries (default: 100)." default:"100" placeholder:"N"`
	Cursor string `help:"Go on after this delivery, as a list that was not complete tells." placeholder:"ID"`
	All    bool   `help:"List all, however many there are."`
	Follow bool   `help:"List the latest deliveries, then those that are new or change, until Ctrl-C. Looks at the latest --limit every two seconds."`
}

// codeFlag is a status of responses, or a class of them such as 5xx, or none.
type codeFlag struct{ low, high int }

// UnmarshalText parses "404", "4xx" or "none".
func (f *codeFlag) UnmarshalText(text []byte) error {
	name := string(text)
	class, isClass := strings.CutSuffix(name, "xx")
	code, err := strconv.Atoi(class)
	switch {
	case name == "none":
		*f = codeFlag{}
	case isClass && err == nil && code >= 1 && code <= 5:
		*f = codeFlag{100 * code, 100*code + 99}
	case !isClass && err == nil && code >= 100 && code <= 599:
		*f = codeFlag{code, code}
	default:
		return fmt.Errorf("%q: %w: give a status such as 404, a class such as 5xx, or none", text, webhook.ErrInvalid)
	}
	return nil
}

func (*codeFlag) suggestions() []string { return []string{"2xx", "3xx", "4xx", "5xx", "none"} }

// Validate checks the flags.
func (c *deliveryList) Validate() error {
	switch {
	case c.Limit < 1:
		return errors.New("--limit: give a number of at least 1")
	case c.Since < 0:
		return errors.New("--since: give a duration such as 24h")
	case c.Since > 0 && c.From != nil:
		return errors.New("--since and --from: give one of them")
	case c.Follow && (c.All || c.Cursor != ""):
		return errors.New("--follow: lists the latest; omit --all and --cursor")
	}
	if _, err := webhook.DeliveryTime(c.Cursor); c.Cursor != "" && err != nil {
		return errors.New("--cursor: give the id of a delivery, as the list before told")
	}
	return nil
}

// Run lists deliveries.
func (c *deliveryList) Run(ctx context.Context, p *program) (err error) {
	b, err := p.open(ctx, mustExist)
	if err != nil {
		return err
	}
	defer closeInto(b, &err)
	if c.Follow {
		return c.follow(ctx, p, b)
	}
	found, err := c.find(ctx, p, b)
	if err != nil {
		return err
	}
	columns, rows := deliveryColumns(), convert(found.deliveries, p.deliveryRow)
	if c.Account != nil && p.width() > 0 { // the same in each row
		columns = slices.Delete(columns, 1, 2)
		columns[1].least = 10 // with the time and the longest status 80 columns wide
		for i, row := range rows {
			rows[i] = slices.Delete(row, 1, 2)
		}
	}
	if err := list(p, "deliveries", found.deliveries, p.table(columns, rows)); err != nil {
		return err
	}
	if found.next == "" {
		return nil
	}
	_, _ = io.WriteString(p.stderr, linef("%s; go on with --cursor %s, or list all with --all", found.why, found.next))
	return nil
}

func deliveryColumns() []column {
	return []column{
		{name: "ID"}, {name: "ACCOUNT", least: 10, ends: true, drop: 1}, {name: "EVENT", least: 8, drop: 2}, {name: "TIME", drop: 3}, {name: "STATUS"},
		{name: "ATTEMPTS", drop: 6}, {name: "NEXT", drop: 5}, {name: "REASON", least: 12, drop: 4},
	}
}

func (p *program) deliveryRow(r deliveryResult) []string {
	return []string{r.ID, r.Account, r.Event, p.listTime(&r.Time), r.statusText(), strconv.FormatInt(r.Attempts, 10), p.listTime(r.Next), orDash(r.Reason)}
}

// deliveryPage is a part of a list. If next is not empty, the list goes on after
// that delivery, and why says why it ends here.
type deliveryPage struct {
	deliveries []deliveryResult
	next, why  string
}

// deliverySearch collects the latest deliveries that a list selects.
type deliverySearch struct {
	list  *deliveryList
	found []deliveryResult // by falling id
	// floor is the highest id at which the search in an account was given up.
	floor string
}

// find returns the deliveries of one account, or the latest of all.
func (c *deliveryList) find(ctx context.Context, p *program, b backend) (deliveryPage, error) {
	s := &deliverySearch{list: c}
	if c.Account != nil {
		err := s.account(ctx, b, c.Account.Account, c.filter(p))
		if errors.Is(err, webhook.ErrNotFound) {
			return deliveryPage{}, noAccount(ctx, p, b, c.Account.Account)
		}
		return s.page(), err
	}
	for _, api := range all.APIs() {
		accounts, err := b.Accounts(ctx, api.Name)
		if err != nil {
			return deliveryPage{}, err
		}
		for _, info := range accounts {
			account, err := webhook.ParseAccount(info.Account)
			if err != nil {
				return deliveryPage{}, err
			}
			if err := s.account(ctx, b, account, c.filter(p)); err != nil && !errors.Is(err, webhook.ErrNotFound) { // deleted meanwhile
				return deliveryPage{}, err
			}
		}
	}
	return s.page(), nil
}

// account adds the deliveries of an account. Of one more than the limit it knows
// that there are more.
func (s *deliverySearch) account(ctx context.Context, b backend, a webhook.Account, f client.DeliveryFilter) error {
	limit, scanned := s.list.Limit, 0
	var more []deliveryResult
	err := b.Deliveries(ctx, a, f, func(d deliveryResult) bool {
		if s.list.Cursor != "" && d.ID >= s.list.Cursor {
			return true
		}
		if s.list.selects(d) {
			more = append(more, d)
		}
		if s.list.All {
			return true
		}
		if scanned++; scanned >= maxScanned && len(more) <= limit && s.list.searches() {
			s.floor = max(s.floor, d.ID)
			return false
		}
		return len(more) <= limit && (len(s.found) <= limit || d.ID > s.found[limit].ID)
	})
	s.found = append(s.found, more...)
	slices.SortStableFunc(s.found, func(a, b deliveryResult) int { return strings.Compare(b.ID, a.ID) })
	if !s.list.All {
		s.found = s.found[:min(len(s.found), limit+1)]
	}
	return err
}

// page returns what was found down to where all accounts were searched.
func (s *deliverySearch) page() deliveryPage {
	limit := s.list.Limit
	whole := slices.DeleteFunc(slices.Clone(s.found), func(d deliveryResult) bool { return d.ID < s.floor })
	switch {
	case !s.list.All && len(whole) > limit:
		return deliveryPage{whole[:limit], whole[limit-1].ID, fmt.Sprintf("there are more than %d", limit)}
	case s.floor != "":
		return deliveryPage{whole, s.floor, fmt.Sprintf("looked through %d deliveries of an account, and there are more", maxScanned)}
	}
	return deliveryPage{deliveries: whole}
}

// searches reports whether the flags select by what the server does not know.
func (c *deliveryList) searches() bool {
	return c.Webhook != "" || c.LastStatus != nil || c.Text != ""
}

// selects reports whether the flags select a delivery, for those flags that
// the server does not know.
func (c *deliveryList) selects(d deliveryResult) bool {
	switch {
	case c.Webhook != "" && d.Webhook != c.Webhook:
		return false
	case c.LastStatus != nil && (d.Attempts == 0 || d.Code < c.LastStatus.low || d.Code > c.LastStatus.high):
		return false
	case c.Text == "":
		return true
	}
	text := strings.ToLower(strings.Join([]string{d.ID, d.Account, d.Event, d.Webhook, d.URL, d.Reason}, "\n"))
	return strings.Contains(text, strings.ToLower(c.Text))
}

// filter returns which deliveries the flags ask the server for. A cursor bounds
// the time: ids begin with it.
func (c *deliveryList) filter(p *program) client.DeliveryFilter {
	f := client.DeliveryFilter{Event: c.Event}
	if c.Status != nil {
		f.Status = c.Status.String()
	}
	switch {
	case c.From != nil:
		f.From = c.From.Time
	case c.Since > 0:
		f.From = p.now().Add(-c.Since)
	}
	if c.Until != nil {
		f.Until = c.Until.Time
	}
	if at, err := webhook.DeliveryTime(c.Cursor); err == nil {
		if after := at.Add(time.Millisecond); f.Until.IsZero() || after.Before(f.Until) {
			f.Until = after
		}
	}
	return f
}
