package chimesdk

import (
	"encoding/json"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/chimewatch/chimewatch/internal/local/awsprotocol"
)

// VoicePath is the beginning of the paths of the voice API.
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

// VoiceCall is a request to start or stop a task, and the status of the answer.
type VoiceCall struct {
	Operation string `json:"operation"` // start or stop
	Kind      string `json:"kind"`
	// TaskID is empty where no task was started.
	TaskID        string `json:"taskId,omitempty"`
	TransactionID string `json:"transactionId,omitempty"`
	Token         string `json:"token,omitempty"`
	Status        int    `json:"status"`
}

// Voice is the part of the voice API that runs tasks. Each transaction is a call that
// goes on until End. Its methods may be called from any goroutine.
type Voice struct {
	http.Handler

	mu    sync.Mutex
	tasks []VoiceTask
	ended map[string]bool
	calls []VoiceCall
	refusals
}

// NewVoice makes an API without tasks. It answers StartSpeakerSearchTask,
// StartVoiceToneAnalysisTask, and the operations that stop and get such a task. At
// VoicePath it has a page for people, with the tasks and the calls.
func NewVoice() *Voice {
	mux := http.NewServeMux()
	v := &Voice{Handler: mux, ended: map[string]bool{}}
	for collection, kind := range map[string]string{
		"speaker-search-tasks": "speaker-search", "voice-tone-analysis-tasks": "voice-tone",
	} {
		tasks := VoicePath + "/{connector}/" + collection
		mux.HandleFunc("POST "+tasks, v.handle("start", kind, v.start))
		mux.HandleFunc("POST "+tasks+"/{task}", v.handle("stop", kind, v.stop))
		mux.HandleFunc("GET "+tasks+"/{task}", func(w http.ResponseWriter, r *http.Request) { v.get(w, r, kind) })
	}
	mux.HandleFunc("GET "+VoicePath, func(w http.ResponseWriter, _ *http.Request) {
		awsprotocol.WriteJSON(w, http.StatusOK, map[string]any{"tasks": v.Tasks(), "calls": v.Calls()})
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { refuse(w, http.StatusBadRequest) })
	return v
}

// End ends a call: its tasks end, and no more can be started.
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

// Tasks returns all tasks that were ever started, oldest first.
func (v *Voice) Tasks() []VoiceTask {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.tasks)
}

// Calls returns the requests that start or stop, oldest first.
func (v *Voice) Calls() []VoiceCall {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.calls)
}

// handle returns a handler that records each request with its answer. do sets the other
// fields of the record and returns the status of the answer, with the task for a body.
func (v *Voice) handle(operation, kind string, do func(*http.Request, *VoiceCall) (int, *VoiceTask)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		call := VoiceCall{Operation: operation, Kind: kind}
		if operation == "stop" && r.URL.Query().Get("operation") != "stop" {
			refuse(w, http.StatusBadRequest)
			return
		}
		v.mu.Lock()
		defer v.mu.Unlock()
		var task *VoiceTask
		call.Status, task = do(r, &call)
		v.calls = append(v.calls, call)
		switch {
		case call.Status >= http.StatusBadRequest:
			refuse(w, call.Status)
		case task != nil:
			awsprotocol.WriteJSON(w, call.Status, task.shape())
		default:
			w.WriteHeader(call.Status)
		}
	}
}

// start starts a task, or returns the one that the same token has started.
func (v *Voice) start(r *http.Request, call *VoiceCall) (int, *VoiceTask) {
	var in struct {
		TransactionID        string `json:"TransactionId"`
		ClientRequestToken   string
		VoiceProfileDomainID string `json:"VoiceProfileDomainId"`
		LanguageCode         string
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || in.TransactionID == "" ||
		call.Kind == "speaker-search" && in.VoiceProfileDomainID == "" ||
		call.Kind == "voice-tone" && in.LanguageCode != "en-US" {
		return http.StatusBadRequest, nil
	}
	call.TransactionID, call.Token = in.TransactionID, in.ClientRequestToken
	if status := v.next(); status != 0 {
		return status, nil
	}
	if v.ended[in.TransactionID] {
		return http.StatusGone, nil
	}
	for _, t := range v.tasks {
		switch {
		case t.Kind != call.Kind || t.TransactionID != in.TransactionID:
		case t.Token == in.ClientRequestToken && t.Token != "":
			call.TaskID = t.ID
			return http.StatusCreated, &t
		case t.StoppedAt.IsZero(): // a call has one task of each kind at a time
			return http.StatusConflict, nil
		}
	}
	task := VoiceTask{
		ID: awsprotocol.NewID(), Kind: call.Kind, VoiceConnectorID: r.PathValue("connector"), TransactionID: in.TransactionID,
		Token: in.ClientRequestToken, VoiceProfileDomainID: in.VoiceProfileDomainID, LanguageCode: in.LanguageCode,
		StartedAt: time.Now().UTC(),
	}
	v.tasks = append(v.tasks, task)
	call.TaskID = task.ID
	return http.StatusCreated, &task
}

func (v *Voice) stop(r *http.Request, call *VoiceCall) (int, *VoiceTask) {
	call.TaskID = r.PathValue("task")
	if status := v.next(); status != 0 {
		return status, nil
	}
	status := http.StatusNotFound
	if t := v.find(r, call.Kind); t != nil {
		call.TransactionID = t.TransactionID
		if t.StoppedAt.IsZero() {
			t.StoppedAt, status = time.Now().UTC(), http.StatusNoContent
		}
	}
	return status, nil
}

// find returns the task that a path names, nil if there is none.
func (v *Voice) find(r *http.Request, kind string) *VoiceTask {
	for i, t := range v.tasks {
		if t.ID == r.PathValue("task") && t.Kind == kind && t.VoiceConnectorID == r.PathValue("connector") {
			return &v.tasks[i]
		}
	}
	return nil
}

// get answers with a task. The API requires the side of the call for a voice tone
// analysis.
func (v *Voice) get(w http.ResponseWriter, r *http.Request, kind string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	task, side := v.find(r, kind), r.URL.Query().Get("isCaller")
	switch {
	case kind == "voice-tone" && side != "true" && side != "false":
		refuse(w, http.StatusBadRequest)
	case task == nil:
		refuse(w, http.StatusNotFound)
	default:
		awsprotocol.WriteJSON(w, http.StatusOK, task.shape())
	}
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
