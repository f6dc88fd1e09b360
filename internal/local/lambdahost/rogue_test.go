package lambdahost_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
)

// api is the address of the Runtime API, where this binary runs as a function.
var api = "http://" + os.Getenv(envAPI) + "/2018-06-01/runtime"

// post returns the status and the text of the answer.
func post(path, body string) string {
	response, err := http.Post(api+path, "application/json", strings.NewReader(body))
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)
	return fmt.Sprintf("%d %s", response.StatusCode, strings.TrimSpace(string(text)))
}

// rogue is a runtime that breaks the rules: the payload says how, and it logs how the Runtime API
// answered.
func rogue() {
	for {
		response, err := http.Get(api + "/invocation/next")
		if err != nil {
			return
		}
		var r request
		_ = json.NewDecoder(response.Body).Decode(&r)
		response.Body.Close()
		own := "/invocation/" + response.Header.Get("Lambda-Runtime-Aws-Request-Id")
		switch r.Do {
		case "answer another":
			fmt.Println("another:", post("/invocation/other/response", `"other"`))
		case "answer twice":
			fmt.Println("first:", post(own+"/response", `"first"`))
			fmt.Println("second:", post(own+"/response", `"second"`))
			continue
		case "answer too much":
			fmt.Println("too much:", post(own+"/response", strings.Repeat("x", 7<<20)))
			continue
		case "fail with text":
			fmt.Println("with text:", post(own+"/error", "no JSON"))
			continue
		}
		post(own+"/response", `"own"`)
	}
}
