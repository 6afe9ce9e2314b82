package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/smithy-go"

	"github.com/hookline/hookline/pkg/store/dynamo"
)

const (
	// tableTimeout is how long to wait until a new table can be used.
	tableTimeout = 2 * time.Minute
	// stackTimeout bounds the lookup of a stack, including retries.
	stackTimeout = 30 * time.Second
)

// Names of the stack's outputs (template.yaml).
const (
	// outputOperatorURL is where the operator's API is.
	outputOperatorURL = "OperatorUrl"
	outputRegion      = "Region"
)

// awsConfig reads the AWS settings from the usual places: environment, profile
// and so on.
func awsConfig(ctx context.Context) (aws.Config, error) {
	cfg, err := config.LoadDefaultConfig(ctx)
	switch {
	case err != nil:
		return aws.Config{}, fmt.Errorf("read the AWS settings: %w", err)
	case cfg.Region == "":
		return aws.Config{}, errors.New("no AWS region is set; set AWS_REGION, or the region of your AWS profile")
	}
	return cfg, nil
}

// tableConfig returns how the two tables are opened. The endpoint is the one that the AWS settings
// give for DynamoDB, such as AWS_ENDPOINT_URL_DYNAMODB.
func (p *program) tableConfig(cfg aws.Config, table, deliveries string) (dynamo.Config, error) {
	client, err := dynamo.NewClient(dynamo.ClientConfig{
		Region:      cfg.Region,
		Credentials: cfg.Credentials,
		Endpoint:    aws.ToString(dynamodb.NewFromConfig(cfg).Options().BaseEndpoint),
	})
	return dynamo.Config{
		Client: client, Table: table, Deliveries: deliveries, TryTimeout: p.timeouts.try, CallTimeout: p.timeouts.call,
	}, err
}

// stack is where a deployed stack is.
type stack struct{ url, region string }

// findStack looks up a stack in CloudFormation.
func findStack(ctx context.Context, cfg aws.Config, name string) (stack, error) {
	ctx, cancel := context.WithTimeout(ctx, stackTimeout)
	defer cancel()
	response, err := cloudformation.NewFromConfig(cfg).DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &name})
	// The error of a stack that does not exist has no code of its own.
	if responseErr, ok := errors.AsType[smithy.APIError](err); ok {
		return stack{}, fmt.Errorf("stack %s in %s: %s; check the name, AWS_REGION and the AWS profile", name, cfg.Region, responseErr.ErrorMessage())
	}
	if err != nil {
		return stack{}, fmt.Errorf("stack %s in %s: %w", name, cfg.Region, err)
	}
	outputs := map[string]string{}
	for _, described := range response.Stacks {
		for _, output := range described.Outputs {
			outputs[aws.ToString(output.OutputKey)] = aws.ToString(output.OutputValue)
		}
	}
	if outputs[outputOperatorURL] == "" {
		return stack{}, fmt.Errorf("stack %s in %s has no output %s; it is not a Hookline stack, is from an older version, or was not fully deployed", name, cfg.Region, outputOperatorURL)
	}
	return stack{outputs[outputOperatorURL], cmp.Or(outputs[outputRegion], cfg.Region)}, nil
}
