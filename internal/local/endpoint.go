package local

import (
	"cmp"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"

	"github.com/chimewatch/chimewatch/internal/local/awsprotocol"
	"github.com/chimewatch/chimewatch/internal/local/chimesdk"
)

// Paths of pages for people and tests.
const (
	pathStatus        = "/"
	pathDrained       = "/drained"
	pathNotifications = "/notifications"
	pathDeadLetters   = "/dead-letters"
)

// handler answers AWS clients, which send a POST and name the service in a header or in
// the path, and readers, who send a GET. Events and pages wait for ready.
func (s *Stack) handler(ready <-chan struct{}) http.Handler {
	whenReady := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			select {
			case <-ready:
				next.ServeHTTP(w, r)
			case <-r.Context().Done():
			}
		})
	}
	pages := whenReady(s.pages())
	queues := s.queues.Handler()
	services := map[string]http.Handler{
		"DynamoDB_20120810": s.tableProxy(), "AWSEvents": whenReady(s.bus.Handler()),
		"AmazonSQS": queues, "Kinesis_20131202": s.stream.Handler(),
	}
	forms := awsprotocol.Forms(s.topics.Handler(), queues, cloudFormation(s.started, s.options.Config, s.queues))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		target, _, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		service, known := services[target]
		switch {
		case strings.HasPrefix(r.URL.Path, chimesdk.VoicePath):
			s.voice.ServeHTTP(w, r)
		case strings.HasPrefix(r.URL.Path, chimesdk.Path):
			s.pipelines.ServeHTTP(w, r)
		case isLambda(r):
			s.serveLambda(w, r)
		case r.Method == http.MethodGet || r.Method == http.MethodHead:
			pages.ServeHTTP(w, r)
		case known:
			service.ServeHTTP(w, r)
		case awsprotocol.IsForm(r):
			forms.ServeHTTP(w, r)
		case awsprotocol.RefuseCBOR(w, r):
		default:
			awsprotocol.RefuseService(w, http.StatusBadRequest, "UnknownOperationException",
				cmp.Or(r.Header.Get("X-Amz-Target"), r.Method+" "+r.URL.Path)+" is not answered here: the local stack "+
					"stands in for DynamoDB, EventBridge, SNS, SQS, Lambda's Invoke, Kinesis's PutRecord and PutRecords, "+
					"CloudFormation's DescribeStacks and the Chime SDK only")
		}
	})
}

// tableProxy passes requests on to dynalite.
func (s *Stack) tableProxy() http.Handler {
	target := &url.URL{Scheme: "http", Host: strings.TrimPrefix(s.table.URL(), "http://")}
	return &httputil.ReverseProxy{
		Transport: &http.Transport{MaxIdleConnsPerHost: 64},
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ErrorLog:  log.New(io.Discard, "", 0),
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			w.Header().Set("Content-Type", "application/x-amz-json-1.0")
			awsprotocol.RefuseService(w, http.StatusInternalServerError, "com.amazonaws.dynamodb.v20120810#InternalServerError",
				"the local table's server does not answer: "+err.Error())
		},
	}
}

// pages answers readers. The page pathDrained comes when every event so far has been
// handled or has become a dead letter.
func (s *Stack) pages() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status, page := http.StatusOK, any(nil)
		switch r.URL.Path {
		case pathStatus:
			page = s.Status()
		case pathDrained:
			if err := s.Drain(r.Context()); err != nil {
				return // the client is gone
			}
			page = s.Status()
		case pathNotifications:
			page = s.Notifications()
		case pathDeadLetters:
			page = s.DeadLetters()
		default:
			status, page = http.StatusNotFound, map[string]string{"message": fmt.Sprintf("there is no page %s; there are %s",
				r.URL.Path, strings.Join([]string{pathStatus, pathDrained, pathNotifications, pathDeadLetters}, ", "))}
		}
		awsprotocol.WriteJSON(w, status, page)
	})
}
