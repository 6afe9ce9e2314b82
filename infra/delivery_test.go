package infra_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"

	"github.com/hookline/hookline/internal/test/dynamolocal"
	"github.com/hookline/hookline/pkg/api"
	"github.com/hookline/hookline/pkg/api/all"
	"github.com/hookline/hookline/pkg/keygen"
)

// triggers are the functions that something else than a request starts, and
// what that is.
var triggers = map[string]string{"Deliver": "SQS", "DeliverSlow": "SQS", "Sweep": "Schedule"}

// Only who IAM lets through reaches POST /events and the operator's API;
// customers' routes have tokens, which the functions check.
func TestOnlyTheOperatorIsAuthorizedByIAM(t *testing.T) {
	tm := readTemplate(t, "template.yaml")
	for _, name := range tm.ofType(t, "AWS::Serverless::Function") {
		var f functionProperties
		tm.Resources[name].properties(t, &f)
		for _, e := range f.Events {
			want := ""
			if name == "Publish" || name == "Operate" {
				want = "AWS_IAM"
			}
			if got := e.Properties.Auth.Authorizer; got != want {
				t.Errorf("%s %s: authorizer %q, want %q", e.Properties.Method, e.Properties.Path, got, want)
			}
		}
	}
	var api struct {
		Auth struct{ EnableIamAuthorizer bool }
	}
	if tm.Resources["Api"].properties(t, &api); !api.Auth.EnableIamAuthorizer {
		t.Error("the API has no IAM authorizer: the route would be open to all")
	}
}

// queueProperties are those of an AWS::SQS::Queue.
type queueProperties struct {
	VisibilityTimeout, MessageRetentionPeriod int
	FifoQueue, SqsManagedSseEnabled           bool
	RedrivePolicy                             struct {
		DeadLetterTargetArn string `json:"deadLetterTargetArn"`
		MaxReceiveCount     int    `json:"maxReceiveCount"`
	}
}

// lane is a queue, its dead letters, and what works it off.
type lane struct {
	queue, dead, function, concurrency string
	batch, window                      int
}

var lanes = []lane{
	{queue: "Attempts", dead: "DeadLetters", function: "Deliver", concurrency: "!Ref DeliverConcurrency", batch: 10},
	{queue: "SlowAttempts", dead: "SlowDeadLetters", function: "DeliverSlow", concurrency: "!Ref SlowConcurrency", batch: 100, window: 1},
}

// Each lane's queue fits the function that works it off, as Lambda's
// documentation asks for ("Using Lambda with Amazon SQS").
func TestQueueFitsItsFunction(t *testing.T) {
	tm := readTemplate(t, "template.yaml")
	for _, l := range lanes {
		t.Run(l.queue, func(t *testing.T) { checkLane(t, tm, l) })
	}
}

func checkLane(t *testing.T, tm template, l lane) {
	var f functionProperties
	var queue, dead queueProperties
	tm.Resources[l.function].properties(t, &f)
	tm.Resources[l.queue].properties(t, &queue)
	tm.Resources[l.dead].properties(t, &dead)
	if want := 6*f.Timeout + l.window; queue.VisibilityTimeout < want {
		t.Errorf("a message is received again after %d s, want at least six times the function's %d s and the window", queue.VisibilityTimeout, f.Timeout)
	}
	if queue.RedrivePolicy.DeadLetterTargetArn != "!GetAtt "+l.dead+".Arn" || queue.RedrivePolicy.MaxReceiveCount < 5 {
		t.Errorf("redrive policy %+v, want to %s after 5 receipts at least", queue.RedrivePolicy, l.dead)
	}
	if dead.MessageRetentionPeriod <= queue.MessageRetentionPeriod || queue.MessageRetentionPeriod <= 0 {
		t.Errorf("dead letters are kept %d s, others %d s: their age goes on", dead.MessageRetentionPeriod, queue.MessageRetentionPeriod)
	}
	if queue.FifoQueue || dead.FifoQueue || !queue.SqsManagedSseEnabled || !dead.SqsManagedSseEnabled {
		t.Errorf("queues %+v, %+v: want standard ones, encrypted", queue, dead)
	}
	e := f.Events[l.queue]
	if len(f.Events) != 1 || e.Type != "SQS" || e.Properties.Queue != "!GetAtt "+l.queue+".Arn" {
		t.Fatalf("%s is started by %+v, want by the queue", l.function, f.Events)
	}
	if !slices.Equal(e.Properties.FunctionResponseTypes, []string{"ReportBatchItemFailures"}) {
		t.Errorf("response types %v: a whole batch goes back for one message", e.Properties.FunctionResponseTypes)
	}
	if size, window := e.Properties.BatchSize, e.Properties.MaximumBatchingWindowInSeconds; size != l.batch || window != l.window {
		t.Errorf("batches of %d, gathered for %d s; want %d and %d", size, window, l.batch, l.window)
	}
	if got := e.Properties.ScalingConfig.MaximumConcurrency; got != l.concurrency {
		t.Errorf("concurrency %v, want the parameter's", got)
	}
}

// An attempt fits into the function's time: reading its record and key and
// writing its result too.
func TestAttemptsFitTheFunction(t *testing.T) {
	const readAndWrite = 2 * 10 * time.Second // package dynamo's limit of a call, and package delivery's for writing
	setup := api.Setup{
		Keys:   keygen.New(strings.NewReader(strings.Repeat("random", 99)), time.Now),
		Getenv: func(string) string { return "trip.started" }, Deployed: true,
	}
	timeout := time.Duration(min(timeouts["Deliver"], timeouts["DeliverSlow"])) * time.Second
	for _, api := range all.APIs() {
		sending, err := api.Sending(setup)
		if err != nil {
			t.Fatal(err)
		}
		if sending.Timeout <= 0 || sending.Timeout+readAndWrite >= timeout {
			t.Errorf("%s: attempts take up to %v, deliver has %v", api.Name, sending.Timeout, timeout)
		}
	}
}

// Sweeps each minute, of all parts of what is due, end before the next, and are
// not repeated by Lambda.
func TestSweepEachMinute(t *testing.T) {
	tm := readTemplate(t, "template.yaml")
	var f functionProperties
	tm.Resources["Sweep"].properties(t, &f)
	swept := map[int]bool{}
	for name, e := range f.Events {
		var input struct{ Part, Parts int }
		err := json.Unmarshal([]byte(e.Properties.Input), &input)
		if err != nil || e.Type != "Schedule" || e.Properties.Schedule != "rate(1 minute)" || input.Parts != len(f.Events) {
			t.Errorf("event %s: %+v, %v; want a schedule, each minute, of one of %d parts", name, e, err, len(f.Events))
		}
		swept[input.Part] = input.Part >= 0 && input.Part < input.Parts
	}
	if len(swept) < 2 || len(swept) != len(f.Events) || slices.Contains(slices.Collect(maps.Values(swept)), false) || f.Timeout >= 60 {
		t.Errorf("parts %v are swept by %d schedules, timeout %d s", swept, len(f.Events), f.Timeout)
	}
	const minutes = 5 // of an alarm's period
	if least, all := readAlarms(t)["SweepsStopped"].Threshold, float64(minutes*len(f.Events)); least <= all-minutes || least >= all {
		t.Errorf("an alarm goes off below %v sweeps of %v, want when one part is not swept", least, all)
	}
	var invoke struct {
		EventInvokeConfig struct{ MaximumEventAgeInSeconds, MaximumRetryAttempts *int }
	}
	tm.Resources["Sweep"].properties(t, &invoke)
	if retries := invoke.EventInvokeConfig.MaximumRetryAttempts; retries == nil || *retries != 0 {
		t.Error("a sweep that failed is repeated beside the next")
	}
	if age := invoke.EventInvokeConfig.MaximumEventAgeInSeconds; age == nil || *age > 60 {
		t.Error("sweeps that could not be run pile up")
	}
}

// The indexes that CloudFormation makes are those that the store asks for and
// makes by itself elsewhere.
func TestIndexes(t *testing.T) {
	server := dynamolocal.Start(t)
	tables := server.NewTables(t)
	for resource, table := range map[string]string{"WebhooksTable": tables.Webhooks, "DeliveriesTable": tables.Deliveries} {
		made, err := dynamolocal.Client(t, server.URL).DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: aws.String(table)})
		if err != nil {
			t.Fatal(err)
		}
		checkIndexes(t, resource, made.Table)
	}
}

// checkIndexes compares a table's indexes and the types of its keys with those
// of the template.
func checkIndexes(t *testing.T, resource string, made *types.TableDescription) {
	t.Helper()
	type element struct{ AttributeName, KeyType, AttributeType string }
	type index struct {
		IndexName  string
		KeySchema  []element
		Projection struct {
			ProjectionType   string
			NonKeyAttributes []string
		}
	}
	var table struct {
		AttributeDefinitions   []element
		GlobalSecondaryIndexes []index
	}
	readTemplate(t, "infra/data.yaml").Resources[resource].properties(t, &table)
	var want []index
	for _, described := range made.GlobalSecondaryIndexes {
		i := index{IndexName: aws.ToString(described.IndexName)}
		for _, key := range described.KeySchema {
			i.KeySchema = append(i.KeySchema, element{AttributeName: aws.ToString(key.AttributeName), KeyType: string(key.KeyType)})
		}
		i.Projection.ProjectionType = string(described.Projection.ProjectionType)
		i.Projection.NonKeyAttributes = described.Projection.NonKeyAttributes
		slices.Sort(i.Projection.NonKeyAttributes)
		want = append(want, i)
	}
	for _, i := range table.GlobalSecondaryIndexes {
		slices.Sort(i.Projection.NonKeyAttributes)
	}
	if diff := cmp.Diff(want, table.GlobalSecondaryIndexes); diff != "" || len(want) != 1 {
		t.Errorf("%s: %d indexes (-store +infra/data.yaml):\n%s", resource, len(want), diff)
	}
	var defined []element
	for _, attribute := range made.AttributeDefinitions {
		defined = append(defined, element{AttributeName: aws.ToString(attribute.AttributeName), AttributeType: string(attribute.AttributeType)})
	}
	byName := func(a, b element) int { return strings.Compare(a.AttributeName, b.AttributeName) }
	slices.SortFunc(defined, byName)
	slices.SortFunc(table.AttributeDefinitions, byName)
	if diff := cmp.Diff(defined, table.AttributeDefinitions); diff != "" {
		t.Errorf("%s: attributes (-store +infra/data.yaml):\n%s", resource, diff)
	}
}
