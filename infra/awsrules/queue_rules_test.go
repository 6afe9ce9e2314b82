package awsrules

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// queueRules are of queues, of what Lambda receives from them, and of log
// groups.
func queueRules() []rule {
	const sqs = "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/"
	const lambda = "https://docs.aws.amazon.com/lambda/latest/dg/"
	return []rule{
		{
			name: "what Lambda receives from a queue", check: mappingsFit,
			source: lambda + "services-sqs-configure.html; " + lambda + "services-sqs-scaling.html",
			mutations: []mutation{
				property("a message is seen again too soon", 359.0, "Attempts", "VisibilityTimeout"),
				property("seen again too soon for the window", 360.0, "SlowAttempts", "VisibilityTimeout"),
				property("a large batch that is not waited for", 11.0, "DeliverAttempts", "BatchSize"),
				property("a large batch without its window", nil, "DeliverSlowSlowAttempts", "MaximumBatchingWindowInSeconds"),
				property("one at a time, which is too few", object{"MaximumConcurrency": 1.0}, "DeliverAttempts", "ScalingConfig"),
				{name: "more than there can be", with: map[string]string{"DeliverConcurrency": "1001"}, plant: func(all templates) {
					all.set(nil, mainPath, "Parameters", "DeliverConcurrency", "MaxValue")
				}},
				property("a batch comes back as a whole", nil, "DeliverAttempts", "FunctionResponseTypes"),
				property("less reserved than received", 2.0, "Deliver", "ReservedConcurrentExecutions"),
			},
		},
		{
			// However short the window is, Lambda may wait for 20 s where few come.
			name: "a small batch waits for no window", source: lambda + "with-sqs.html", check: smallBatchesDoNotWait,
			mutations: []mutation{property("first attempts do", 1.0, "DeliverAttempts", "MaximumBatchingWindowInSeconds")},
		},
		{
			name: "a new account has ten executions", source: lambda + "gettingstarted-limits.html#compute-and-storage", check: halfIsLeft,
			mutations: []mutation{
				{name: "deliveries take all", plant: func(all templates) {
					all.set(50.0, mainPath, "Parameters", "DeliverConcurrency", "Default")
				}},
				{name: "both lanes together take too much", plant: func(all templates) {
					all.set(3.0, mainPath, "Parameters", "SlowConcurrency", "Default")
				}},
			},
		},
		{
			name: "dead letters", source: sqs + "sqs-dead-letter-queues.html", check: deadLettersFit,
			mutations: []mutation{
				property("kept no longer than others", 345600.0, "DeadLetters", "MessageRetentionPeriod"),
				property("of any queue", object{"redrivePermission": "allowAll"}, "DeadLetters", "RedriveAllowPolicy"),
				property("of another queue", list("arn:aws:sqs:eu-central-1:123456789012:other"), "DeadLetters", "RedriveAllowPolicy", "sourceQueueArns"),
				property("of the other lane", list("arn:aws:sqs:eu-central-1:123456789012:hookline-attempts-1"), "SlowDeadLetters", "RedriveAllowPolicy", "sourceQueueArns"),
				property("before they are there", "arn:aws:sqs:eu-central-1:123456789012:dead", "Attempts", "RedrivePolicy", "deadLetterTargetArn"),
			},
		},
		{
			name: "names and numbers of queues", source: sqs + "quotas-queues.html", check: queuesWithinQuotas,
			mutations: []mutation{
				property("a name too long", object{"Fn::Sub": "${AWS::StackName}-attempts"}, "Attempts", "QueueName"),
				property("kept too long", 1209601.0, "DeadLetters", "MessageRetentionPeriod"),
			},
		},
		{
			name: "queues by TLS only", source: sqs + "sqs-security-best-practices.html", check: queuesByTLS,
			mutations: []mutation{
				property("one is left out", list(ref("Attempts")), "QueuesByTLSOnly", "Queues"),
				{name: "none", plant: func(all templates) { all.set(nil, mainPath, "Resources", "QueuesByTLSOnly") }},
			},
		},
		{
			name: "log groups", source: "https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html", check: logGroupsFit,
			mutations: []mutation{
				property("a name too long", strings.Repeat("x", 513), "SweepLogs", "LogGroupName"),
				property("kept for days that CloudWatch has not", 10.0, "SweepLogs", "RetentionInDays"),
				{name: "a choice that CloudWatch has not", with: map[string]string{"LogRetentionDays": "2"}, plant: func(all templates) {
					all.set(list(1.0, 2.0), mainPath, "Parameters", "LogRetentionDays", "AllowedValues")
				}},
			},
		},
	}
}

func mappingsFit(d *deployment) []string {
	var wrong []string
	for _, name := range d.ofKind("AWS::Lambda::EventSourceMapping") {
		p := d.resources[name].properties
		function, queue := d.resources[resourceOf(p["FunctionName"])].properties, d.resources[resourceOf(p["EventSourceArn"])].properties
		timeout, _ := number(function["Timeout"])
		window, _ := number(p["MaximumBatchingWindowInSeconds"])
		if !between(queue["VisibilityTimeout"], 6*timeout+window, 43200) {
			wrong = append(wrong, fmt.Sprintf("%s: a message is seen again after %v s, the function has %v s", name, queue["VisibilityTimeout"], timeout))
		}
		if !between(p["BatchSize"], 1, 10) && !between(p["MaximumBatchingWindowInSeconds"], 1, 300) {
			wrong = append(wrong, fmt.Sprintf("%s: batches of %v without a window", name, p["BatchSize"]))
		}
		most := at(p, "ScalingConfig", "MaximumConcurrency")
		if !between(most, 2, 1000) {
			wrong = append(wrong, fmt.Sprintf("%s: %v batches at once", name, most))
		}
		if reserved, ok := number(function["ReservedConcurrentExecutions"]); ok && !between(most, 2, reserved) {
			wrong = append(wrong, fmt.Sprintf("%s: %v batches at once, %v reserved", name, most, reserved))
		}
		if !slices.Contains(texts(p["FunctionResponseTypes"]), "ReportBatchItemFailures") {
			wrong = append(wrong, name+": a whole batch returns to the queue for one message")
		}
	}
	return wrong
}

// smallBatchesDoNotWait says which mappings wait for messages that they need not.
func smallBatchesDoNotWait(d *deployment) []string {
	var wrong []string
	for _, name := range d.ofKind("AWS::Lambda::EventSourceMapping") {
		p := d.resources[name].properties
		if between(p["BatchSize"], 1, 10) && p["MaximumBatchingWindowInSeconds"] != nil {
			wrong = append(wrong, fmt.Sprintf("%s: may wait 20 s for %v messages", name, p["BatchSize"]))
		}
	}
	return wrong
}

// halfIsLeft holds the defaults of the parameters, since what receives from a
// queue takes all executions that it is let take.
func halfIsLeft(d *deployment) []string {
	fast, _ := number(at(d.template["Parameters"], "DeliverConcurrency", "Default"))
	slow, _ := number(at(d.template["Parameters"], "SlowConcurrency", "Default"))
	if fast < 2 || slow < 2 || fast+slow > 5 {
		return []string{fmt.Sprintf("deliveries take %v and %v executions by default, of the ten that a new account may have", fast, slow)}
	}
	return nil
}

func deadLettersFit(d *deployment) []string {
	var wrong []string
	for _, name := range d.ofKind("AWS::SQS::Queue") {
		p := d.resources[name].properties
		target, ok := at(p, "RedrivePolicy", "deadLetterTargetArn").(object)
		if p["RedrivePolicy"] == nil {
			continue
		}
		dead := d.resources[resourceOf(target)]
		if !ok || dead.kind != "AWS::SQS::Queue" {
			wrong = append(wrong, name+": does not wait for the queue of its dead letters")
			continue
		}
		stored, _ := number(p["MessageRetentionPeriod"])
		if !between(dead.properties["MessageRetentionPeriod"], stored+1, 1209600) {
			wrong = append(wrong, name+": dead letters keep their age, and are gone as soon as others")
		}
		allowed := dead.properties["RedriveAllowPolicy"]
		own := "arn:aws:sqs:eu-central-1:123456789012:" + text(p["QueueName"])
		if at(allowed, "redrivePermission") != "byQueue" || !slices.Equal(texts(at(allowed, "sourceQueueArns")), []string{own}) {
			wrong = append(wrong, fmt.Sprintf("%s: dead letters are let come from %v, want %s", name, allowed, own))
		}
	}
	return wrong
}

var queueName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,80}$`)

func queuesWithinQuotas(d *deployment) []string {
	var wrong []string
	for _, name := range d.ofKind("AWS::SQS::Queue") {
		p := d.resources[name].properties
		if p["QueueName"] != nil && !queueName.MatchString(text(p["QueueName"])) {
			wrong = append(wrong, fmt.Sprintf("%s: the name %v is too long or not one", name, p["QueueName"]))
		}
		if !between(p["MessageRetentionPeriod"], 60, 1209600) {
			wrong = append(wrong, fmt.Sprintf("%s: messages are kept %v s", name, p["MessageRetentionPeriod"]))
		}
	}
	return wrong
}

func queuesByTLS(d *deployment) []string {
	denied := map[string]bool{}
	for _, name := range d.ofKind("AWS::SQS::QueuePolicy") {
		p := d.resources[name].properties
		for _, s := range items(at(p, "PolicyDocument", "Statement")) {
			if at(s, "Effect") != "Deny" || at(s, "Condition", "Bool", "aws:SecureTransport") != "false" {
				continue
			}
			for _, queue := range items(p["Queues"]) {
				denied[resourceOf(queue)] = true
			}
		}
	}
	var wrong []string
	for _, name := range d.ofKind("AWS::SQS::Queue") {
		if !denied[name] {
			wrong = append(wrong, name+" answers without TLS")
		}
	}
	return wrong
}

var groupName = regexp.MustCompile(`^[\w./#-]{1,512}$`)

func logGroupsFit(d *deployment) []string {
	days := []string{"1", "3", "5", "7", "14", "30", "60", "90", "120", "150", "180", "365", "400", "545", "731", "1096", "1827", "2192", "2557", "2922", "3288", "3653"}
	var wrong []string
	for _, name := range d.ofKind("AWS::Logs::LogGroup") {
		p := d.resources[name].properties
		if !groupName.MatchString(text(p["LogGroupName"])) || !slices.Contains(days, text(p["RetentionInDays"])) {
			wrong = append(wrong, fmt.Sprintf("%s: name %v, kept %v days", name, p["LogGroupName"], p["RetentionInDays"]))
		}
	}
	return wrong
}
