package dynamo_test

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"

	"github.com/chimewatch/chimewatch/internal/testutil/faultinject"
	"github.com/chimewatch/chimewatch/schemas"
)

func exampleBody(t testing.TB, name string) []byte {
	t.Helper()
	e, err := schemas.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	return e.Body
}

// publish sends the message "opening" to the world's topic.
func publish(p *faultinject.Process) error {
	_, err := p.Publisher().Publish(context.Background(), &sns.PublishInput{MessageAttributes: map[string]types.MessageAttributeValue{"id": {StringValue: aws.String("opening")}}})
	return err
}

// nothing sends nothing.
func nothing(context.Context) error { return nil }
