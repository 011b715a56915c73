package kube

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"os"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/hedgesync/hedgesync/internal/fault"
)

func status(code int, reason metav1.StatusReason, message string) *failure {
	return &failure{method: "PATCH", path: "/x", sent: true, answer: &answer{code: code, status: metav1.Status{
		TypeMeta: metav1.TypeMeta{Kind: "Status"}, Reason: reason, Message: message, Code: int32(code),
	}}}
}

func about(f *failure, kind, name string) *failure {
	f.answer.status.Details = &metav1.StatusDetails{Kind: kind, Name: name}
	return f
}

func page(code int, body string) *failure {
	return &failure{method: "PATCH", path: "/x", sent: true, answer: &answer{code: code, body: []byte(body)}}
}

func silent(err error, sent bool) *failure {
	return &failure{method: "PATCH", path: "/x", sent: sent, err: err}
}

// Every text is one that a server was seen to answer.
func TestEveryAnswerHasItsNextMove(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		failure *failure
		kind    fault.Kind // of a write
		code    string
		read    fault.Kind // of a read
	}{
		"unknown field, strict": {status(400, "BadRequest", `failed to create manager for existing fields: strict decoding error: unknown field "spec.x"`), fault.Invalid, "kube.unknown-field", fault.Invalid},
		"unknown field, apply":  {status(500, "", `failed to create typed patch object (default/a; vpc.githedgehog.com/v1beta1, Kind=VPC): .spec.x: field not declared in schema`), fault.Invalid, "kube.unknown-field", fault.Invalid},
		"wrong type, admission": {status(400, "BadRequest", `admission webhook "mvpc.kb.io" denied the request: json: cannot unmarshal string into Go struct field`), fault.Invalid, "kube.admission", fault.Invalid},
		"schema":                {status(422, "Invalid", `VPC.vpc.githedgehog.com "a" is invalid: spec.subnets: Required value`), fault.Invalid, "kube.invalid", fault.Invalid},
		"rule of the fabric":    {status(403, "Forbidden", `admission webhook "vvpc.kb.io" denied the request: error validating vpc: vlan 1001 is already used by vpc-2`), fault.Invalid, "kube.admission", fault.Invalid},
		"dependency missing":    {status(403, "Forbidden", `admission webhook "vvpcattachment.kb.io" denied the request: connection a--unbundled--b not found`), fault.Unavailable, CodeNotReady, fault.Unavailable},
		"dependency absent":     {status(403, "NotFound", `admission webhook "vvpc.kb.io" denied the request: IPv4Namespace x does not exist`), fault.Unavailable, CodeNotReady, fault.Unavailable},
		"dependency not ready":  {status(403, "Forbidden", `admission webhook "vgatewaypeering.kb.io" denied the request: vpcinfo vpc-1 not ready: retry later`), fault.Unavailable, CodeNotReady, fault.Unavailable},
		"no right":              {status(403, "Forbidden", `vpcs.vpc.githedgehog.com "a" is forbidden: User "u" cannot patch resource "vpcs" in API group "vpc.githedgehog.com" in the namespace "default"`), fault.Denied, CodeForbidden, fault.Denied},
		"no right, odd name":    {status(403, "Forbidden", `vpcs.vpc.githedgehog.com "not found" is forbidden: User "u" cannot patch`), fault.Denied, CodeForbidden, fault.Denied},
		"namespace ends":        {status(403, "Forbidden", `vpcs.vpc.githedgehog.com "a" is forbidden: unable to create new content in namespace x because it is being terminated`), fault.Unavailable, "kube.terminating", fault.Unavailable},
		"controller down":       {status(500, "InternalError", `Internal error occurred: failed calling webhook "mvpc.kb.io": failed to call webhook: Post "https://fabric-webhook-service.fab.svc:443/mutate?timeout=10s": dial tcp 10.43.0.9:443: connect: connection refused`), fault.Unavailable, CodeController, fault.Unavailable},
		"token":                 {status(401, "Unauthorized", `Unauthorized`), fault.Denied, "kube.auth", fault.Denied},
		"no such kind":          {page(404, "404 page not found\n"), fault.Missing, CodeKindMissing, fault.Missing},
		"no such object":        {about(status(404, "NotFound", `vpcs.vpc.githedgehog.com "a" not found`), "vpcs", "a"), fault.Missing, CodeMissing, fault.Missing},
		"no such namespace":     {about(status(404, "NotFound", `namespaces "x" not found`), "namespaces", "x"), fault.Missing, "kube.namespace-missing", fault.Missing},
		"conflict":              {status(409, "Conflict", `Operation cannot be fulfilled on vpcs.vpc.githedgehog.com "a": the object has been modified`), fault.Conflict, CodeConflict, fault.Conflict},
		"exists":                {status(409, "AlreadyExists", `vpcs.vpc.githedgehog.com "a" already exists`), fault.Conflict, "kube.exists", fault.Conflict},
		"expired":               {status(410, "Expired", `The provided continue parameter is too old`), fault.Unavailable, CodeExpired, fault.Unavailable},
		"too many requests":     {status(429, "TooManyRequests", `too many requests, please try again later`), fault.Unavailable, CodeThrottled, fault.Unavailable},
		"starting":              {status(503, "ServiceUnavailable", `storage is (re)initializing`), fault.Unavailable, CodeStarting, fault.Unavailable},
		"proxy without backend": {page(503, "<html>no server is available"), fault.Unknown, CodeUnseen, fault.Unavailable},
		"bad gateway":           {page(502, ""), fault.Unknown, CodeUnseen, fault.Unavailable},
		"database slow":         {status(500, "", `etcdserver: request timed out`), fault.Unknown, CodeUnseen, fault.Unavailable},
		"server time-out":       {status(504, "Timeout", `Timeout: request did not complete within the allotted timeout`), fault.Unknown, CodeUnseen, fault.Unavailable},
		"redirect":              {page(302, ""), fault.Unavailable, "kube.redirect", fault.Unavailable},

		"connection lost":      {silent(errors.New("http2: client connection lost"), true), fault.Unknown, CodeUnseen, fault.Unavailable},
		"cancelled on the way": {silent(context.Canceled, true), fault.Unknown, CodeUnseen, fault.Unknown},
		"cancelled before":     {silent(context.Canceled, false), fault.Unknown, "kube.cancelled", fault.Unknown},
		"too slow":             {silent(context.DeadlineExceeded, true), fault.Unknown, CodeUnseen, fault.Unavailable},
		"too slow to connect":  {silent(&net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded}, false), fault.Unavailable, "kube.timeout", fault.Unavailable},
		"refused connection":   {silent(&net.OpError{Op: "dial", Err: errors.New("connect: connection refused")}, false), fault.Unavailable, "kube.tcp", fault.Unavailable},
		"unknown name":         {silent(&net.DNSError{Err: "no such host", Name: "x"}, false), fault.Unavailable, "kube.dns", fault.Unavailable},
		"unknown authority":    {silent(&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}, false), fault.Denied, "kube.tls", fault.Denied},
		"not TLS":              {silent(errors.New("http: server gave HTTP response to HTTPS client"), false), fault.Unavailable, "kube.tls", fault.Unavailable},
		"slow handshake":       {silent(errors.New("net/http: TLS handshake timeout"), false), fault.Unavailable, "kube.tls", fault.Unavailable},
		"credential program":   {silent(errors.New("getting credentials: exec: exit status 1"), false), fault.Denied, "kube.auth", fault.Denied},
		"too long":             {silent(errTooLarge, false), fault.Unavailable, "kube.too-large", fault.Unavailable},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			write, read := classify(c.failure, true), classify(c.failure, false)
			if fault.KindOf(write) != c.kind || fault.CodeOf(write) != c.code {
				t.Errorf("write: %s %s, want %s %s", fault.KindOf(write), fault.CodeOf(write), c.kind, c.code)
			}
			if fault.KindOf(read) != c.read {
				t.Errorf("read: %s, want %s", fault.KindOf(read), c.read)
			}
		})
	}
}

func TestAnOpenAnswerIsNeverWorthASecondWrite(t *testing.T) {
	t.Parallel()
	for code := 500; code < 600; code++ {
		err := classify(page(code, "whatever"), true)
		if fault.KindOf(err) != fault.Unknown {
			t.Errorf("HTTP %d: %s", code, fault.KindOf(err))
		}
	}
}

func FuzzClassifyNeverPanicsAndAlwaysHasACode(f *testing.F) {
	f.Add(500, []byte(`{"kind":"Status","message":"failed calling webhook","code":500}`))
	f.Add(404, []byte("404 page not found"))
	f.Fuzz(func(t *testing.T, code int, body []byte) {
		fail := &failure{sent: true, answer: &answer{code: code, body: body, status: statusOf(body)}}
		err := classify(fail, true)
		if fault.CodeOf(err) == "" || fault.KindOf(err) == fault.Bug {
			t.Errorf("%d %q: %v", code, body, err)
		}
	})
}

func TestAnErrorOfAnotherMakeIsLeftAlone(t *testing.T) {
	t.Parallel()
	if err := classify(nil, true); err != nil {
		t.Error(err)
	}
	own := errors.New("own")
	if err := classify(own, true); err != own {
		t.Error(err)
	}
}

func TestRetryAfterIsReadAndBounded(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]float64{"": 0, "3": 3, "99999": 60, "-1": 0, "Wed, 21 Oct 2015 07:28:00 GMT": 0} {
		if got := retryAfter(http.Header{"Retry-After": {text}}).Seconds(); got != want {
			t.Errorf("%q: %v s", text, got)
		}
	}
}

func TestAStatusIsOnlyTakenFromAStatus(t *testing.T) {
	t.Parallel()
	b, err := json.Marshal(metav1.Status{TypeMeta: metav1.TypeMeta{Kind: "Status"}, Message: "no"})
	if err != nil {
		t.Fatal(err)
	}
	if statusOf(b).Message != "no" || statusOf(bytes.Replace(b, []byte("Status"), []byte("Other"), 1)).Message != "" {
		t.Error("wrong")
	}
}
