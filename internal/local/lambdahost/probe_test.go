package lambdahost_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

// request is a payload of the probe.
type request struct {
	Do string `json:"do"`
}

// raw is a function that receives every payload, JSON or not.
type raw func(context.Context, []byte) ([]byte, error)

func (f raw) Invoke(ctx context.Context, payload []byte) ([]byte, error) { return f(ctx, payload) }

// runProbe runs this binary as a function, whose payload says what it should do.
func runProbe() {
	switch os.Getenv("PROBE_START") {
	case "rogue":
		rogue()
	case "report":
		post("/init/error", `{"errorMessage":"no table","errorType":"Setting"}`)
		os.Exit(1)
	case "fail":
		fmt.Fprintln(os.Stderr, "probe: a setting is missing")
		os.Exit(3)
	}
	lambda.Start(raw(serve))
}

func serve(ctx context.Context, payload []byte) ([]byte, error) {
	var r request
	if err := json.Unmarshal(payload, &r); err != nil {
		return nil, fmt.Errorf("payload of %d bytes is no request: %w", len(payload), err)
	}
	fmt.Printf("doing %s\n", r.Do)
	switch r.Do {
	case "fail":
		return nil, errors.New("asked to fail")
	case "panic":
		panic("asked to panic")
	case "exit":
		os.Exit(7)
	case "hang":
		time.Sleep(time.Hour)
	case "meet":
		return []byte("null"), meet(ctx)
	case "shout":
		return json.Marshal(strings.Repeat("x", 7<<20))
	case "fail once":
		return failOnce(ctx)
	case "environment":
		list := os.Environ()
		slices.Sort(list)
		return json.Marshal(strings.Join(list, "|"))
	case "write lines":
		for i := range 30 {
			fmt.Printf("line %d\n", i)
		}
	case "write a long line":
		fmt.Println(strings.Repeat("y", 3<<20))
	case "write no end":
		fmt.Print("no end")
	case "look around":
		return lookAround(ctx)
	}
	return json.Marshal(r)
}

// meet returns when three processes are here.
func meet(ctx context.Context) error {
	dir := os.Getenv("PROBE_DIR")
	if err := os.WriteFile(fmt.Sprintf("%s/met-%d", dir, os.Getpid()), nil, 0o644); err != nil {
		return err
	}
	for ctx.Err() == nil {
		if here, err := os.ReadDir(dir); err != nil || len(here) == 3 {
			return err
		}
		time.Sleep(time.Millisecond)
	}
	return ctx.Err()
}

// failOnce fails the first attempt of each request, whose id it records in a file.
func failOnce(ctx context.Context) ([]byte, error) {
	lc, _ := lambdacontext.FromContext(ctx)
	path := os.Getenv("PROBE_DIR") + "/" + lc.AwsRequestID
	if _, err := os.Stat(path); err == nil {
		return []byte(`"second time"`), nil
	}
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		return nil, err
	}
	return nil, errors.New("first time")
}

func lookAround(ctx context.Context) ([]byte, error) {
	lc, _ := lambdacontext.FromContext(ctx)
	deadline, _ := ctx.Deadline()
	return json.Marshal(map[string]any{
		"arn":       lc.InvokedFunctionArn,
		"requestId": lc.AwsRequestID,
		"left":      time.Until(deadline).Seconds(),
		"trace":     os.Getenv("_X_AMZN_TRACE_ID"),
		"home":      os.Getenv("HOME"),
		"setting":   os.Getenv("PROBE_SETTING"),
		"pid":       os.Getpid(),
	})
}
