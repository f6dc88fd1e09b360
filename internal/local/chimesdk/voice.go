package chimesdk

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/chimewatch/chimewatch/internal/local/awsprotocol"
)

// VoicePath is what the paths of the voice API begin with.
const VoicePath = "/voice-connectors"

// VoiceTask is a speaker search or voice tone analysis that was started.
type VoiceTask struct {
	ID               string `json:"taskId"`
	Kind             string `json:"kind"` // speaker-search or voice-tone
	VoiceConnectorID string `json:"voiceConnectorId"`
	TransactionID    string `json:"transactionId"`
	Token            string `json:"token"`
	// VoiceProfileDomainID is that of a speaker search, LanguageCode that of a
	// voice tone analysis.
	VoiceProfileDomainID string    `json:"voiceProfileDomainId,omitempty"`
	LanguageCode         string    `json:"languageCode,omitempty"`
	StartedAt            time.Time `json:"startedAt"`
	// StoppedAt is zero while the task runs.
	StoppedAt time.Time `json:"stoppedAt,omitzero"`
}

// Voice is the part of the voice API that runs tasks. Every transaction is taken
// for a call that goes on until End is told otherwise. Its methods may be called
// from any goroutine.
type Voice struct {
	mu     sync.Mutex
	tasks  []VoiceTask
	ended  map[string]bool
	refuse []int
	calls  []VoiceCall
}

// VoiceCall is a request as it was answered.
type VoiceCall struct {
	Operation string `json:"operation"` // start or stop
	Kind      string `json:"kind"`
	// TaskID is empty where none was started.
	TaskID        string `json:"taskId,omitempty"`
	TransactionID string `json:"transactionId,omitempty"`
	Token         string `json:"token,omitempty"`
	Status        int    `json:"status"`
}

// NewVoice makes an API that has run no task.
func NewVoice() *Voice { return &Voice{ended: map[string]bool{}} }

// End makes a call be over: its tasks end, and no more can be started.
func (v *Voice) End(transactionID string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.ended[transactionID] = true
	for i := range v.tasks {
		if t := &v.tasks[i]; t.TransactionID == transactionID && t.StoppedAt.IsZero() {
			t.StoppedAt = time.Now().UTC()
		}
	}
}

// Refuse makes the next requests fail with these status codes, such as 429 and 500.
func (v *Voice) Refuse(codes ...int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.refuse = append(v.refuse, codes...)
}

// Tasks gives all tasks that were ever started, oldest first.
func (v *Voice) Tasks() []VoiceTask {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.tasks)
}

// Calls gives the requests, oldest first.
func (v *Voice) Calls() []VoiceCall {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.calls)
}

// kindOf gives the kind of task of a collection in a path.
var kindOf = map[string]string{"speaker-search-tasks": "speaker-search", "voice-tone-analysis-tasks": "voice-tone"}

// ServeHTTP answers StartSpeakerSearchTask, StartVoiceToneAnalysisTask, the two
// that stop them and the two that tell of them. Calls has no requests of the last.
func (v *Voice) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.Split(strings.Trim(strings.TrimPrefix(r.URL.Path, VoicePath), "/"), "/")
	v.mu.Lock()
	defer v.mu.Unlock()
	kind := ""
	if len(path) > 1 {
		kind = kindOf[path[1]]
	}
	call := VoiceCall{Kind: kind}
	var answer any
	switch {
	case r.Method == http.MethodGet && len(path) == 3 && kind != "":
		v.tell(w, r, kind, path)
		return
	case r.Method != http.MethodPost || kind == "" || path[0] == "":
		refuse(w, http.StatusBadRequest)
		return
	case len(path) == 2:
		call.Operation = "start"
		answer = v.start(r, path[0], &call)
	case len(path) == 3 && r.URL.Query().Get("operation") == "stop":
		call.Operation, call.TaskID = "stop", path[2]
		v.stop(path[0], &call)
	default:
		refuse(w, http.StatusBadRequest)
		return
	}
	v.calls = append(v.calls, call)
	switch {
	case call.Status >= http.StatusBadRequest:
		refuse(w, call.Status)
	case answer != nil:
		awsprotocol.WriteJSON(w, call.Status, answer)
	default:
		w.WriteHeader(call.Status)
	}
}

// refused takes the next code of Refuse.
func (v *Voice) refused(call *VoiceCall) bool {
	if len(v.refuse) == 0 {
		return false
	}
	call.Status, v.refuse = v.refuse[0], v.refuse[1:]
	return true
}

// start starts a task, or gives the one that the same token has started.
func (v *Voice) start(r *http.Request, connector string, call *VoiceCall) any {
	var in struct {
		TransactionID        string `json:"TransactionId"`
		ClientRequestToken   string
		VoiceProfileDomainID string `json:"VoiceProfileDomainId"`
		LanguageCode         string
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || in.TransactionID == "" ||
		call.Kind == "speaker-search" && in.VoiceProfileDomainID == "" || call.Kind == "voice-tone" && in.LanguageCode != "en-US" {
		call.Status = http.StatusBadRequest
		return nil
	}
	call.TransactionID, call.Token = in.TransactionID, in.ClientRequestToken
	if v.refused(call) {
		return nil
	}
	if v.ended[in.TransactionID] {
		call.Status = http.StatusGone
		return nil
	}
	task := VoiceTask{
		ID: awsprotocol.NewID(), Kind: call.Kind, VoiceConnectorID: connector, TransactionID: in.TransactionID, Token: in.ClientRequestToken,
		VoiceProfileDomainID: in.VoiceProfileDomainID, LanguageCode: in.LanguageCode, StartedAt: time.Now().UTC(),
	}
	for _, t := range v.tasks {
		switch {
		case t.Kind != task.Kind || t.TransactionID != task.TransactionID:
		case t.Token == task.Token && t.Token != "":
			call.TaskID, call.Status = t.ID, http.StatusCreated
			return t.shape()
		case t.StoppedAt.IsZero(): // a call has one task of each kind at a time
			call.Status = http.StatusConflict
			return nil
		}
	}
	v.tasks = append(v.tasks, task)
	call.TaskID, call.Status = task.ID, http.StatusCreated
	return task.shape()
}

func (v *Voice) stop(connector string, call *VoiceCall) {
	if v.refused(call) {
		return
	}
	call.Status = http.StatusNotFound
	for i := range v.tasks {
		t := &v.tasks[i]
		if t.ID != call.TaskID || t.Kind != call.Kind || t.VoiceConnectorID != connector {
			continue
		}
		call.TransactionID = t.TransactionID
		if t.StoppedAt.IsZero() {
			t.StoppedAt, call.Status = time.Now().UTC(), http.StatusNoContent
		}
	}
}

// tell answers what is known of a task; of a voice tone analysis somebody has to
// say which side is meant.
func (v *Voice) tell(w http.ResponseWriter, r *http.Request, kind string, path []string) {
	if side := r.URL.Query().Get("isCaller"); kind == "voice-tone" && side != "true" && side != "false" {
		refuse(w, http.StatusBadRequest)
		return
	}
	for _, t := range v.tasks {
		if t.ID == path[2] && t.Kind == kind && t.VoiceConnectorID == path[0] {
			awsprotocol.WriteJSON(w, http.StatusOK, t.shape())
			return
		}
	}
	refuse(w, http.StatusNotFound)
}

func (t VoiceTask) shape() map[string]any {
	name := map[string]string{"speaker-search": "SpeakerSearchTask", "voice-tone": "VoiceToneAnalysisTask"}[t.Kind]
	status := "IN_PROGRESS"
	if !t.StoppedAt.IsZero() {
		status = "STOPPED"
	}
	return map[string]any{name: map[string]any{
		name + "Id": t.ID, name + "Status": status,
		"CallDetails":      map[string]any{"VoiceConnectorId": t.VoiceConnectorID, "TransactionId": t.TransactionID},
		"CreatedTimestamp": t.StartedAt.Format(time.RFC3339), "StartedTimestamp": t.StartedAt.Format(time.RFC3339),
	}}
}
