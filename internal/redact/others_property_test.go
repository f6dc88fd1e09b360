package redact_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/chimewatch/chimewatch/internal/redact"
)

func hex(t *rapid.T, n int) string {
	return rapid.StringOfN(rapid.RuneFrom([]rune("0123456789abcdef")), n, n, -1).Draw(t, "hex")
}

func uuid(t *rapid.T) string {
	h := hex(t, 32)
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

func moment(t *rapid.T) time.Time {
	seconds := rapid.Int64Range(1_500_000_000, 1_999_999_999).Draw(t, "seconds")
	return time.Unix(seconds, rapid.Int64Range(0, 999_999_999).Draw(t, "nanoseconds")).UTC()
}

func accountOf(t *rapid.T) string { return drawDigits(t, 12) }

func region(t *rapid.T) string {
	return choose(t, "Region", "us-east-1", "us-west-2", "eu-central-1", "us-gov-west-1", "ap-southeast-2")
}

// others are what is no phone number.
var others = map[string]func(t *rapid.T) string{
	"UUID":       uuid,
	"event id":   func(t *rapid.T) string { return "Id-" + uuid(t) },
	"request id": func(t *rapid.T) string { return "RequestId: " + uuid(t) },
	"hexadecimal id": func(t *rapid.T) string {
		n := rapid.SampledFrom([]int{8, 12, 16, 24, 32, 40, 64}).Draw(t, "length")
		return choose(t, "letter", "a", "b", "c", "d", "e", "f") + hex(t, n-1)
	},
	"trace": func(t *rapid.T) string { return "Root=1-" + hex(t, 8) + "-f" + hex(t, 23) },
	"ARN": func(t *rapid.T) string {
		resource := choose(t, "resource",
			"media-pipeline/"+uuid(t), "media-insights-pipeline-configuration/contact-centre-2",
			"function:Chimewatch-status", "role/Chime-Role",
			"stream/ChimeVoiceConnector-abcdef1ghij2klmno3pqr4-"+uuid(t)+"/1612345678901",
			"vc/abcdef1ghij2klmno3pqr4", "log-group:/aws/lambda/x:*",
		)
		return "arn:aws:" + choose(t, "service", "chime", "iam:", "kinesis", "lambda") + ":" +
			region(t) + ":" + accountOf(t) + ":" + resource
	},
	"bucket": func(t *rapid.T) string { return "arn:aws:s3:::recordings-" + accountOf(t) + "-" + region(t) + "/a.wav" },
	"account": func(t *rapid.T) string {
		words := choose(t, "words", "account ", "account id: ", `"accountId":"`, "Account=", "AWS account ")
		return words + accountOf(t)
	},
	"account, Region": func(t *rapid.T) string { return accountOf(t) + ", " + region(t) },
	"scope":           func(t *rapid.T) string { return "region/" + accountOf(t) + "/" + region(t) },
	"queue": func(t *rapid.T) string {
		return "https://sqs." + region(t) + ".amazonaws.com/" + accountOf(t) + "/letters"
	},
	"time": func(t *rapid.T) string {
		return moment(t).Format(choose(t, "layout",
			time.RFC3339, time.RFC3339Nano, "2006-01-02T15:04:05.000000Z", time.DateTime,
			"2006-01-02 15:04:05.999999999 -0700 MST", time.RFC1123, time.ANSIC, "2006/01/02 15:04:05",
			"02.01.2006 15:04", "01/02/2006", "2006-01-02T15:04:05-07:00", "20060102T150405Z",
			"20060102150405", time.StampMicro, "2006-01-02 15:04:05 UTC",
		))
	},
	"time of Go":         func(t *rapid.T) string { return moment(t).String() + " m=+12.345678901" },
	"epoch seconds":      func(t *rapid.T) string { return fmt.Sprint(moment(t).Unix()) },
	"epoch milliseconds": func(t *rapid.T) string { return fmt.Sprint(moment(t).UnixMilli()) },
	"epoch, fraction": func(t *rapid.T) string {
		return fmt.Sprintf("%d.%03d", moment(t).Unix(),
			moment(t).Nanosecond()/1e6)
	},
	"epoch microseconds": func(t *rapid.T) string { return fmt.Sprint(moment(t).UnixMicro()) },
	"duration": func(t *rapid.T) string {
		return time.Duration(rapid.Int64Range(0, int64(90*time.Hour)).Draw(t, "nanoseconds")).String()
	},
	"milliseconds": func(t *rapid.T) string { return fmt.Sprint(rapid.Int64Range(0, 1e12).Draw(t, "n")) + " ms" },
	"nanoseconds":  func(t *rapid.T) string { return fmt.Sprint(rapid.Int64Range(0, 1e12).Draw(t, "n")) + "ns" },
	"sequence number": func(t *rapid.T) string {
		return "4959" + drawDigits(t, 52)
	},
	"fragment number": func(t *rapid.T) string { return "9134" + drawDigits(t, 43) },
	"short sequence":  func(t *rapid.T) string { return "sequence number " + drawDigits(t, 12) },
	"shard": func(t *rapid.T) string {
		return "shardId-" + fmt.Sprintf("%012d", rapid.IntRange(0, 9999).Draw(t, "shard"))
	},
	"address": func(t *rapid.T) string {
		octet := rapid.IntRange(0, 255)
		address := fmt.Sprintf("%d.%d.%d.%d",
			octet.Draw(t, "a"), octet.Draw(t, "b"), octet.Draw(t, "c"), octet.Draw(t, "d"))
		if rapid.Bool().Draw(t, "port") {
			address += fmt.Sprintf(":%d", rapid.IntRange(1, 65535).Draw(t, "number"))
		}
		return address
	},
	"address of IPv6": func(t *rapid.T) string { return "[2001:db8:85a3:8d3:1319:8a2e:370:7348]:5061" },
	"status": func(t *rapid.T) string {
		return fmt.Sprintf("HTTP %d", rapid.IntRange(100, 599).Draw(t, "code"))
	},
	"version": func(t *rapid.T) string {
		return choose(t, "version",
			"v1.26.0", "2.1148.1", "aws-sdk-go-v2/1.36.3", "v0.0.0-20261030222936-bef5c4ba774d", "go1.26.8",
			"1.27.2.20260101", "node/22.5.1",
		)
	},
	"Voice Connector": func(t *rapid.T) string {
		return rapid.StringOfN(rapid.RuneFrom([]rune("abcdefghijklmnopqrstuvwxyz0123456789")), 22, 22, -1).Draw(t, "id")
	},
	"key of S3": func(t *rapid.T) string {
		at := moment(t)
		return choose(t, "key",
			"recordings/"+at.Format("2006/01/02/15/")+uuid(t)+".wav",
			"calls/"+at.Format("2006-01-02T15-04-05Z")+"/a.json",
			at.Format("2006/01/02/")+"part-0001.gz", "dt="+at.Format("2006-01-02")+"/hour=15/x",
			"a_"+at.Format("20060102_150405")+".wav", at.Format("20060102-150405")+"-"+uuid(t),
			at.Format("2006/01/02/[$LATEST]")+"f"+hex(t, 31),
		)
	},
	"amount": func(t *rapid.T) string {
		return choose(t, "amount",
			"$1,234.56", "1234567.89", "EUR 12345678.90", "€ 1.234.567,89", "$4155550123.00",
			"12345678 bytes", "4155550123 bytes", "1,234,567,890", "0.94567856", "17 of 20", "99.95%",
		)
	},
	"score":    func(t *rapid.T) string { return fmt.Sprint(rapid.Float64Range(0, 1).Draw(t, "score")) },
	"incident": func(t *rapid.T) string { return "incident/s3recordingsink-f" + hex(t, 11) + ".7/opening" },
}

// What is no number stays as it is, to the byte.
func TestIDsTimesAndAmountsStay(t *testing.T) {
	for what, draw := range others {
		t.Run(what, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				for range textsPerCheck / 10 {
					text := fmt.Sprintf(strings.ReplaceAll(rapid.SampledFrom(plainSurroundings).Draw(t, "surroundings"),
						"%s", "%[1]s"), draw(t))
					if masked := redact.Text(text); masked != text {
						t.Fatalf("got %q of %q", masked, text)
					}
				}
			})
		})
	}
	t.Run("together", func(t *testing.T) {
		var all []func(t *rapid.T) string
		for _, draw := range others {
			all = append(all, draw)
		}
		rapid.Check(t, func(t *rapid.T) {
			for range textsPerCheck {
				text := "task"
				for range rapid.IntRange(1, 5).Draw(t, "things") {
					text += choose(t, "between", " ", ": ", ", ", " (", "; ", "\n", " took ", " in ")
					text += rapid.SampledFrom(all).Draw(t, "thing")(t)
				}
				if masked := redact.Text(text); masked != text {
					t.Fatalf("got  %q\nwant %q", masked, text)
				}
			}
		})
	})
}

var plainSurroundings = []string{"%s", "failed: %s", "got %s, want something else", `{"x":"%s"}`, "%s.", "(%s)",
	"a %s b", "key=%s;", "[%s]", `\"%s\"`, "%s\n", "of %s, at"}
