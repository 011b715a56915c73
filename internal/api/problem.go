package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hedgesync/hedgesync/internal/fault"
)

// ErrorDoc is the problem document (RFC 9457) of every error: Kind says what the
// next move is, Hint says it in words.
type ErrorDoc struct {
	Title  string   `json:"title"`
	Status int      `json:"status"`
	Detail string   `json:"detail"`
	Kind   string   `json:"kind" enum:"bug,invalid,denied,missing,conflict,unavailable,unknown"`
	Code   string   `json:"code,omitempty" doc:"Stable word for programs"`
	Hint   string   `json:"hint,omitempty" doc:"What to do about it"`
	Run    string   `json:"run,omitempty" doc:"The live run that is in the way"`
	Errors []Misfit `json:"errors,omitempty" doc:"What is wrong with the request, place by place"`
}

// Misfit is one place of a request that does not fit its schema. It does not
// repeat the value, which may be a credential.
type Misfit struct {
	Location string `json:"location" example:"body.policy.mode"`
	Message  string `json:"message"`
}

func (e *ErrorDoc) Error() string { return e.Detail }

// GetStatus implements huma.StatusError.
func (e *ErrorDoc) GetStatus() int { return e.Status }

// ContentType implements huma.ContentTypeFilter.
func (e *ErrorDoc) ContentType(string) string { return "application/problem+json" }

var statusOf = map[fault.Kind]int{
	fault.Bug:         http.StatusInternalServerError,
	fault.Invalid:     http.StatusUnprocessableEntity,
	fault.Denied:      http.StatusForbidden,
	fault.Missing:     http.StatusNotFound,
	fault.Conflict:    http.StatusConflict,
	fault.Unavailable: http.StatusServiceUnavailable,
	fault.Unknown:     http.StatusBadGateway,
}

// problem turns an error of a room into the document a client reads.
func problem(err error) error {
	if err == nil {
		return nil
	}
	kind := fault.KindOf(err)
	d := &ErrorDoc{
		Title: http.StatusText(statusOf[kind]), Status: statusOf[kind], Detail: err.Error(),
		Kind: kind.String(), Code: fault.CodeOf(err), Hint: fault.HintOf(err),
	}
	if live, ok := errors.AsType[*liveRun](err); ok {
		d.Run = string(live.id)
	}
	return d
}

// newError is how huma makes its own errors: a request that does not fit its schema.
func newError(status int, msg string, errs ...error) huma.StatusError {
	kind := fault.Invalid
	switch status {
	case http.StatusNotFound:
		kind = fault.Missing
	case http.StatusInternalServerError:
		kind = fault.Bug
	}
	d := &ErrorDoc{Title: http.StatusText(status), Status: status, Detail: msg, Kind: kind.String()}
	for _, err := range errs {
		if detail, ok := errors.AsType[*huma.ErrorDetail](err); ok {
			d.Errors = append(d.Errors, Misfit{detail.Location, detail.Message})
		}
	}
	return d
}

// handle adapts a function of the application to huma: what goes in is the
// request, what comes out is the body.
func handle[I, O any](fn func(context.Context, *I) (O, error)) func(context.Context, *I) (*reply[O], error) {
	return func(ctx context.Context, in *I) (*reply[O], error) {
		out, err := fn(ctx, in)
		if err != nil {
			return nil, problem(err)
		}
		return &reply[O]{Body: out}, nil
	}
}

type reply[O any] struct{ Body O }
