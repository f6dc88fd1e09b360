package awsprotocol

import (
	"cmp"
	"net/http"
	"strings"

	"github.com/aws/smithy-go/encoding/cbor"
)

// RefuseCBOR answers a request in CBOR, which no service here reads, with an error in CBOR
// that says how to make the client send JSON. It returns false for any other request.
func RefuseCBOR(w http.ResponseWriter, r *http.Request) bool {
	kind := r.Header.Get("Content-Type")
	if !strings.HasPrefix(kind, "application/x-amz-cbor") && !strings.HasPrefix(kind, "application/cbor") {
		return false
	}
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	text := cmp.Or(operation, r.URL.Path) + " came in CBOR, and the local stack reads JSON only: " +
		"set AWS_CBOR_DISABLE=true in the environment of the client, or -Daws.cborEnabled=false of its JVM " +
		"(com.amazonaws.sdk.disableCbor=true with version 1 of the SDK for Java)"
	const code = "SerializationException"
	w.Header().Set("Content-Type", kind)
	w.Header().Set("X-Amzn-ErrorType", code)
	w.Header().Set("X-Amzn-RequestId", NewID())
	w.WriteHeader(http.StatusBadRequest)
	body := cbor.Encode(cbor.Map{"__type": cbor.String(code), "message": cbor.String(text)})
	_, _ = w.Write(body) // fails only when the client is gone
	return true
}
