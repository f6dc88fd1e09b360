package callview_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chimewatch/chimewatch/internal/callview"
	"github.com/chimewatch/chimewatch/internal/chime"
	"github.com/chimewatch/chimewatch/internal/dynamo"
	"github.com/chimewatch/chimewatch/internal/notify"
	"github.com/chimewatch/chimewatch/internal/pipeline"
	"github.com/chimewatch/chimewatch/internal/watchdog"
)

func at(clock string) time.Time {
	t, err := time.Parse(time.RFC3339, "2026-03-09T"+clock)
	if err != nil {
		panic(err)
	}
	return t
}

// order returns the place of an event of that time.
func order(clock string) pipeline.Order {
	return pipeline.OrderOf(&chime.Event{ID: "e", Time: at(clock), StateChange: &chime.StateChange{}})
}

func full() pipeline.State {
	return pipeline.State{
		ID:               "390c229b-3f88-4f5b-8169-99dfd9e1652c",
		PipelineARN:      "arn:aws:chime:us-east-1:111122223333:media-pipeline/390c229b-3f88-4f5b-8169-99dfd9e1652c",
		ConfigurationARN: "arn:aws:chime:us-east-1:111122223333:media-insights-pipeline-configuration/sales",
		Account:          "111122223333", Region: "us-east-1",
		Status: pipeline.Failed,
		CallFields: chime.CallFields{
			CallID: "call-1", TransactionID: "transaction-1", VoiceConnectorID: "vc1", Direction: "Inbound",
			FromNumber: "+12065550137", ToNumber: "+12065550190",
		},
		Metadata: map[string]json.RawMessage{"queue": json.RawMessage(`"sales"`), "version": json.RawMessage(`"0"`)},
		Elements: []chime.Element{
			{Type: "AmazonTranscribeProcessor", Status: "Stopped", UpdatedOn: 1773065310000},
			{Type: "S3RecordingSink", Status: "Failed", StatusDetail: "no", UpdatedOn: 1773065311000},
		},
		Failure:   &pipeline.Failure{Reason: "Access denied when assuming resource access role"},
		CreatedAt: at("15:00:00+01:00"), StartedAt: at("14:00:01Z"), LastEnd: at("14:08:30Z"),
		Order: order("14:08:30Z"),
	}
}

func TestJSON(t *testing.T) {
	for _, test := range []struct {
		name    string
		state   pipeline.State
		history []pipeline.Record
		matches []dynamo.Match
		notes   []notify.Notification
		want    string
	}{
		{
			"all there is", full(),
			[]pipeline.Record{
				{Time: at("14:00:00Z"), ID: "e1", EventType: "chime:MediaInsightsCreated"},
				{Time: at("15:08:30+01:00"), ID: "e2", EventType: "chime:MediaInsightsPermanentFailure"},
			},
			[]dynamo.Match{{
				Time: at("14:03:00Z"), ID: "m1", RuleName: "unhappy", Type: "sentiment",
				Body: []byte(`{"id":"m1","detail-type":"Media Insights Rules Matched","time":"2026-03-09T14:03:00Z",` +
					`"detail":{"ruleName":"unhappy","beginTimestamp":"b","endTimestamp":"e"}}`),
			}},
			[]notify.Notification{{
				ID: "n1", Kind: "permanent-failure", Subject: "Call from +12065550137 lost", SentAt: at("14:08:31Z"),
			}},
			`{
  "id": "390c229b-3f88-4f5b-8169-99dfd9e1652c",
  "pipelineId": "390c229b-3f88-4f5b-8169-99dfd9e1652c",
  "pipelineArn": "arn:aws:chime:us-east-1:111122223333:media-pipeline/390c229b-3f88-4f5b-8169-99dfd9e1652c",
  "configurationArn": "arn:aws:chime:us-east-1:111122223333:media-insights-pipeline-configuration/sales",
  "account": "111122223333",
  "region": "us-east-1",
  "status": "Failed",
  "degraded": false,
  "callId": "call-1",
  "transactionId": "transaction-1",
  "voiceConnectorId": "vc1",
  "direction": "Inbound",
  "fromNumber": "…0137",
  "toNumber": "…0190",
  "metadata": {
    "queue": "sales",
    "version": "0"
  },
  "elements": [
    {
      "type": "AmazonTranscribeProcessor",
      "status": "Stopped",
      "updatedOn": 1773065310000,
      "updatedAt": "2026-03-09T14:08:30Z"
    },
    {
      "type": "S3RecordingSink",
      "status": "Failed",
      "statusDetail": "no",
      "class": "unknown",
      "updatedOn": 1773065311000,
      "updatedAt": "2026-03-09T14:08:31Z"
    }
  ],
  "failure": {
    "class": "permissions",
    "reason": "Access denied when assuming resource access role"
  },
  "createdAt": "2026-03-09T14:00:00Z",
  "startedAt": "2026-03-09T14:00:01Z",
  "updatedAt": "2026-03-09T14:08:30Z",
  "endedAt": "2026-03-09T14:08:30Z",
  "durationSeconds": 509,
  "events": [
    {
      "time": "2026-03-09T14:00:00Z",
      "id": "e1",
      "eventType": "chime:MediaInsightsCreated"
    },
    {
      "time": "2026-03-09T14:08:30Z",
      "id": "e2",
      "eventType": "chime:MediaInsightsPermanentFailure"
    }
  ],
  "alerts": [
    {
      "time": "2026-03-09T14:03:00Z",
      "id": "m1",
      "ruleName": "unhappy",
      "type": "sentiment",
      "beginTimestamp": "b",
      "endTimestamp": "e"
    }
  ],
  "notifications": [
    {
      "id": "n1",
      "kind": "permanent-failure",
      "subject": "Call from …0137 lost",
      "sentAt": "2026-03-09T14:08:31Z"
    }
  ]
}`,
		},
		{
			"as little as there can be",
			pipeline.State{
				ID: "p1", PipelineARN: "arn:aws:chime:us-east-1:1:media-pipeline/p1", Status: pipeline.InProgress,
			},
			[]pipeline.Record{}, []dynamo.Match{}, []notify.Notification{},
			`{
  "id": "p1",
  "pipelineId": "p1",
  "pipelineArn": "arn:aws:chime:us-east-1:1:media-pipeline/p1",
  "status": "InProgress",
  "degraded": false,
  "elements": [],
  "events": [],
  "alerts": [],
  "notifications": []
}`,
		},
		{
			"not asked for", pipeline.State{
				ID: "p1", PipelineARN: "arn:aws:chime:us-east-1:1:media-pipeline/p1", Status: pipeline.Stopped,
				Elements: []chime.Element{{Type: "S3RecordingSink", Status: "Failed", UpdatedOn: 1}},
			},
			nil, nil, nil,
			`{
  "id": "p1",
  "pipelineId": "p1",
  "pipelineArn": "arn:aws:chime:us-east-1:1:media-pipeline/p1",
  "status": "Stopped",
  "degraded": true,
  "elements": [
    {
      "type": "S3RecordingSink",
      "status": "Failed",
      "class": "unknown",
      "updatedOn": 1,
      "updatedAt": "1970-01-01T00:00:00.001Z"
    }
  ]
}`,
		},
		{
			"failed creation", pipeline.State{
				ID: "create-failed.t1", Status: pipeline.CreateFailed, CallFields: chime.CallFields{TransactionID: "t1"},
				Failure: &pipeline.Failure{Reason: "odd", Origin: "Voice Connector", HTTPStatusCode: "500"},
			}, nil, nil, nil,
			`{
  "id": "create-failed.t1",
  "status": "CreateFailed",
  "degraded": false,
  "transactionId": "t1",
  "elements": [],
  "failure": {
    "class": "service-fault",
    "reason": "odd",
    "origin": "Voice Connector",
    "httpStatusCode": "500"
  }
}`,
		},
		{
			"failure that an element explains", pipeline.State{
				ID: "p1", PipelineARN: "arn:aws:chime:us-east-1:1:media-pipeline/p1", Status: pipeline.Failed,
				Elements: []chime.Element{
					{Type: "S3RecordingSink", Status: "Stopped"}, {Type: "VoiceEnhancement", Status: "NotSupported"},
				},
				Failure: &pipeline.Failure{},
			}, nil, nil, nil,
			`{
  "id": "p1",
  "pipelineId": "p1",
  "pipelineArn": "arn:aws:chime:us-east-1:1:media-pipeline/p1",
  "status": "Failed",
  "degraded": false,
  "elements": [
    {
      "type": "S3RecordingSink",
      "status": "Stopped"
    },
    {
      "type": "VoiceEnhancement",
      "status": "NotSupported",
      "class": "recording-length"
    }
  ],
  "failure": {
    "class": "recording-length"
  }
}`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := encode(t, callview.New(test.state, test.history, test.matches, test.notes, callview.Options{}))
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("JSON (-want +got):\n%s", diff)
			}
		})
	}
}

// The reason of an observation is in Reconciled, not in the metadata; a key of that name of the customer's own
// stays there.
func TestObservationIsNoMetadata(t *testing.T) {
	before := pipeline.State{
		ID: "p", PipelineARN: "arn:aws:chime:us-east-1:111122223333:media-pipeline/p", Status: pipeline.InProgress,
	}
	for _, tt := range []struct {
		name     string
		metadata map[string]string
		want     string
	}{
		{"nothing else", nil, "null"},
		{"metadata", map[string]string{"queue": "sales"}, `{"queue":"sales"}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ev, err := watchdog.Observation(before, watchdog.Answer{Status: "Stopped", Metadata: tt.metadata},
				"without an event for over 1h", at("15:00:00Z"))
			if err != nil {
				t.Fatal(err)
			}
			observed, err := pipeline.FromEvent(ev)
			if err != nil {
				t.Fatal(err)
			}
			state := pipeline.Merge(before, observed)
			for range 2 { // the state is not changed by showing it
				c := callview.New(state, nil, nil, nil, callview.Options{})
				want := &callview.Reconciled{
					At: at("15:00:00Z"), From: "GetMediaPipeline", Status: pipeline.Stopped,
					Because: "without an event for over 1h",
				}
				if diff := cmp.Diff(want, c.Reconciled); diff != "" {
					t.Errorf("reconciled (-want +got):\n%s", diff)
				}
				if got, err := json.Marshal(c.Metadata); err != nil || string(got) != tt.want {
					t.Errorf("got the metadata %s (%v), want %s", got, err, tt.want)
				}
			}
		})
	}
	before.Metadata = map[string]json.RawMessage{"observedBecause": json.RawMessage(`"we say so"`)}
	if c := callview.New(before, nil, nil, nil, callview.Options{}); len(c.Metadata) != 1 || c.Reconciled != nil {
		t.Errorf("without an observation: got the metadata %v and %v reconciled, want it as it is", c.Metadata, c.Reconciled)
	}
}

func TestNumbersAreMasked(t *testing.T) {
	for _, test := range []struct {
		name, metadata, want string
	}{
		{"international", `{"note":"asked for +14155550123 twice: +14155550123"}`, `{"note":"asked for …0123 twice: …0123"}`},
		{"own, without plus", `{"note":"12065550137"}`, `{"note":"…0137"}`},
		{"own, as a number", `{"n":12065550190}`, `{"n":"…0190"}`},
		{"in a sip address", `{"uri":"<sip:14155550123@198.51.100.7>"}`, `{"uri":"<sip:…0123@198.51.100.7>"}`},
		{"escaped plus", `{"note":"\u002b14155550123"}`, `{"note":"…0123"}`},
		{"nested", `{"a":{"b":["+14155550123",{"+14155550123":1}]}}`, `{"a":{"b":["…0123",{"…0123":1}]}}`},
		{"in a name", `{"+14155550123":"x"}`, `{"…0123":"x"}`},
		{"by the name", `{"customerPhone":"4155550123","fromNumber":[14155550123]}`,
			`{"customerPhone":"…0123","fromNumber":["…0123"]}`},
		{"names of the customer's own",
			`{"ANI":"14155550188","callerId":"4155550187","customerNumber":14155550186,"from":"5550185"}`,
			`{"ANI":"…0188","callerId":"…0187","customerNumber":"…0186","from":"…0185"}`},
		{"as names that are alike then", `{"+14155550123":"x","+16505550123":"y"}`, `{"…0123":"x","…0123 (2)":"y"}`},
		{"what may be a number", `{"case":"4155550123"}`, `{"case":"…0123"}`},
		{"other digits stay", `{"case":"415555012","n":12345678901234567890,"at":"2026-03-09T14:00:00+01:00"}`,
			`{"at":"2026-03-09T14:00:00+01:00","case":"415555012","n":12345678901234567890}`},
		{"other values stay", `{"a":true,"b":null,"c":1.50,"d":"<&>"}`, `{"a":true,"b":null,"c":1.50,"d":"<&>"}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			state := full()
			state.Metadata = nil
			if err := json.Unmarshal([]byte(test.metadata), &state.Metadata); err != nil {
				t.Fatal(err)
			}
			masked := callview.New(state, nil, nil, nil, callview.Options{})
			if diff := cmp.Diff(test.want, compact(t, masked.Metadata)); diff != "" {
				t.Errorf("metadata (-want +got):\n%s", diff)
			}
			whole := callview.New(state, nil, nil, nil, callview.Options{FullNumbers: true})
			if diff := cmp.Diff(state.Metadata, whole.Metadata); diff != "" || whole.FromNumber != "+12065550137" ||
				whole.ToNumber != "+12065550190" {
				t.Errorf("with full numbers: got %s and %s, want them whole; metadata (-want +got):\n%s",
					whole.FromNumber, whole.ToNumber, diff)
			}
		})
	}
}

func TestFreeTextIsMasked(t *testing.T) {
	state := full()
	state.Failure.Reason = "cannot reach +12065550190"
	state.Elements[1].StatusDetail = "call from 12065550137"
	state.CallID = "+12065550137@198.51.100.7"
	c := callview.New(state, nil, nil, nil, callview.Options{})
	if c.Failure.Reason != "cannot reach …0190" || c.Elements[1].StatusDetail != "call from …0137" {
		t.Errorf("got %q and %q, want both masked", c.Failure.Reason, c.Elements[1].StatusDetail)
	}
	if c.CallID != "…0137@198.51.100.7" {
		t.Errorf("got the call id %q, want its number masked", c.CallID)
	}
	if state.Failure.Reason != "cannot reach +12065550190" || state.Elements[1].StatusDetail != "call from 12065550137" {
		t.Errorf("got a state that has changed: %+v", state)
	}
}

func TestNotificationsAreInOrder(t *testing.T) {
	notes := []notify.Notification{
		{ID: "sending"}, {ID: "late", SentAt: at("14:00:02Z")}, {ID: "early", SentAt: at("14:00:01Z")},
	}
	var got []string
	for _, n := range callview.New(full(), nil, nil, notes, callview.Options{}).Notifications {
		got = append(got, n.ID)
	}
	if diff := cmp.Diff([]string{"early", "late", "sending"}, got); diff != "" {
		t.Errorf("notifications (-want +got):\n%s", diff)
	}
}

func TestMatchThatDoesNotParse(t *testing.T) {
	c := callview.New(full(), nil, []dynamo.Match{{ID: "m", RuleName: "r", Body: []byte("{")}}, nil, callview.Options{})
	if diff := cmp.Diff([]callview.Alert{{ID: "m", RuleName: "r"}}, c.Alerts); diff != "" {
		t.Errorf("alerts (-want +got):\n%s", diff)
	}
}

func encode(t *testing.T, v any) string {
	t.Helper()
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(b.String())
}

func compact(t *testing.T, v any) string {
	t.Helper()
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(b.String())
}
