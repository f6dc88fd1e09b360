package awsprotocol

import (
	"encoding/binary"
	"net/http"
	"strings"
)

// RefuseCBOR answers a request in CBOR, which no service here reads, with an error in CBOR
// that says how to make the client send JSON. It returns false for any other request.
func RefuseCBOR(w http.ResponseWriter, r *http.Request) bool {
	kind := r.Header.Get("Content-Type")
	if !strings.HasPrefix(kind, "application/x-amz-cbor") && !strings.HasPrefix(kind, "application/cbor") {
		return false
	}
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	if operation == "" {
		operation = r.URL.Path
	}
	text := operation + " came in CBOR, and the local stack reads JSON only: " +
		"set AWS_CBOR_DISABLE=true in the environment of the client, or -Daws.cborEnabled=false of its JVM " +
		"(com.amazonaws.sdk.disableCbor=true with version 1 of the SDK for Java)"
	const code = "SerializationException"
	w.Header().Set("Content-Type", kind)
	w.Header().Set("X-Amzn-ErrorType", code)
	w.Header().Set("X-Amzn-RequestId", NewID())
	w.WriteHeader(http.StatusBadRequest)
	body := []byte{0xa2} // a map of two pairs (RFC 8949, section 3.1)
	for _, s := range []string{"__type", code, "message", text} {
		body = appendText(body, s)
	}
	_, _ = w.Write(body) // fails only when the client is gone
	return true
}

// appendText appends a text string of CBOR.
func appendText(b []byte, s string) []byte {
	const major = 3 << 5
	switch n := len(s); {
	case n < 24:
		b = append(b, major|byte(n))
	case n < 1<<8:
		b = append(b, major|24, byte(n))
	default:
		b = binary.BigEndian.AppendUint16(append(b, major|25), uint16(n))
	}
	return append(b, s...)
}
