package main

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// snsVersion is the API version of SNS, by which its forms differ from those of CloudFormation.
const snsVersion = "2010-03-31"

// fakeSubscription is a subscription of a topic of fakeAWS; arn is its ARN, or what SNS writes for a pending one.
type fakeSubscription struct{ arn, protocol, endpoint, policy string }

// fakeSNS is the part of fakeAWS that answers for SNS.
type fakeSNS struct {
	// subscriptions are those of each topic, by its ARN, on pages of two.
	subscriptions map[string][]fakeSubscription
	// errors maps an operation to the code of its error, for example "Publish": "KMSAccessDenied".
	errors map[string]string
	// published are the forms of all requests Publish, also of refused ones.
	published []url.Values
}

func (f *fakeSNS) answer(w http.ResponseWriter, form url.Values) {
	action := form.Get("Action")
	if action == "Publish" {
		f.published = append(f.published, form)
	}
	w.Header().Set("Content-Type", "text/xml")
	if code := f.errors[action]; code != "" {
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprintf(w, `<ErrorResponse><Error><Type>Sender</Type><Code>%s</Code>`+
			`<Message>said by the service</Message></Error></ErrorResponse>`, code)
		return
	}
	var result string
	switch action {
	case "Publish":
		result = `<MessageId>m-1</MessageId>`
	case "ListSubscriptionsByTopic":
		result = f.page(form)
	case "GetSubscriptionAttributes":
		result = `<Attributes>` + f.policy(form.Get("SubscriptionArn")) + `</Attributes>`
	}
	fmt.Fprintf(w, `<%[1]sResponse><%[1]sResult>%[2]s</%[1]sResult></%[1]sResponse>`, action, result)
}

func (f *fakeSNS) page(form url.Values) string {
	const size = 2
	all := f.subscriptions[form.Get("TopicArn")]
	from, _ := strconv.Atoi(form.Get("NextToken"))
	to := min(from+size, len(all))
	var b strings.Builder
	b.WriteString("<Subscriptions>")
	for _, s := range all[from:to] {
		fmt.Fprintf(&b, `<member><TopicArn>%s</TopicArn><SubscriptionArn>%s</SubscriptionArn>`+
			`<Protocol>%s</Protocol><Endpoint>%s</Endpoint></member>`,
			form.Get("TopicArn"), s.arn, s.protocol, html.EscapeString(s.endpoint))
	}
	b.WriteString("</Subscriptions>")
	if to < len(all) {
		fmt.Fprintf(&b, "<NextToken>%d</NextToken>", to)
	}
	return b.String()
}

func (f *fakeSNS) policy(arn string) string {
	for _, all := range f.subscriptions {
		for _, s := range all {
			if s.arn == arn && s.policy != "" {
				return `<entry><key>FilterPolicy</key><value>` + html.EscapeString(s.policy) + `</value></entry>`
			}
		}
	}
	return ""
}
