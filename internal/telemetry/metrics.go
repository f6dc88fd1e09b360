package telemetry

import (
	"cmp"
	"io"
	"strconv"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// Namespace is the CloudWatch namespace of all metrics.
const Namespace = "Chimewatch"

// The dimensions of all metrics: together they distinguish the functions of two stacks
// in one account. More would multiply what CloudWatch charges for; ids belong into log
// lines.
const (
	dimensionStack    = "Stack"
	dimensionFunction = "Function"
)

// LocalStack is the value of the dimension Stack where no deployed stack is.
const LocalStack = "local"

// maxPerLine is how many metrics CloudWatch reads from one line (embedded
// metric format specification, MetricDirective).
const maxPerLine = 100

// Metrics counts during an invocation and writes the counts as a log line in
// CloudWatch's embedded metric format. It costs no call to any service, and is
// safe for concurrent use.
type Metrics struct {
	w               io.Writer
	stack, function string

	mu     sync.Mutex
	counts []count // a handful: searching them beats hashing
}

type count struct {
	name string
	n    int
}

// NewMetrics returns Metrics of a function of a stack that write to w: in Lambda,
// the standard output, from which CloudWatch Logs reads them. stack is the stack's
// name; where it is empty, it is LocalStack, as CloudWatch refuses empty values.
func NewMetrics(w io.Writer, stack, function string) *Metrics {
	return &Metrics{w: w, stack: cmp.Or(stack, LocalStack), function: function}
}

// Count adds n to a metric, of unit Count. A count of zero is written too, so
// that an alarm can distinguish nothing from silence. The names "Stack", "Function" and
// "_aws" have meanings of their own and must not be used, nor empty ones.
func (m *Metrics) Count(name string, n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.counts {
		if m.counts[i].name == name {
			m.counts[i].n += n
			return
		}
	}
	m.counts = append(m.counts, count{name, n})
}

// Flush writes what was counted since the last Flush, in one line (and one more
// for each further hundred names), or nothing when nothing was counted. Call it
// once at the end of an invocation. When the writer fails, the counts are lost.
func (m *Metrics) Flush() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	counts := m.counts
	m.counts = m.counts[:0]
	for len(counts) > 0 {
		some := counts[:min(len(counts), maxPerLine)]
		counts = counts[len(some):]
		if _, err := m.w.Write(m.line(some, time.Now())); err != nil {
			return err
		}
	}
	return nil
}

func (m *Metrics) line(counts []count, now time.Time) []byte {
	b := make([]byte, 0, 256+64*len(counts))
	b = append(b, `{"_aws":{"Timestamp":`...)
	b = strconv.AppendInt(b, now.UnixMilli(), 10)
	b = append(b, `,"CloudWatchMetrics":[{"Namespace":"`+Namespace+`","Dimensions":[["`...)
	b = append(b, dimensionStack+`","`+dimensionFunction+`"]],"Metrics":[`...)
	for i, c := range counts {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"Name":`...)
		b = appendText(b, c.name)
		b = append(b, `,"Unit":"Count"}`...)
	}
	b = append(b, `]}]},"`+dimensionStack+`":`...)
	b = appendText(b, m.stack)
	b = append(b, `,"`+dimensionFunction+`":`...)
	b = appendText(b, m.function)
	for _, c := range counts {
		b = append(b, ',')
		b = appendText(b, c.name)
		b = append(b, ':')
		b = strconv.AppendInt(b, int64(c.n), 10)
	}
	return append(b, '}', '\n')
}

func appendText(b []byte, s string) []byte {
	b, _ = jsontext.AppendQuote(b, s) // its only error is invalid UTF-8, which it has then replaced
	return b
}
