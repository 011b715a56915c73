package fabric

import (
	"regexp"

	"github.com/hedgesync/hedgesync/internal/fault"
)

// ID names one fabric: a DNS label chosen by its operator, stable for its life.
type ID string

var idPattern = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)

// Check returns an Invalid error unless id is a lower-case DNS label.
func (id ID) Check() error {
	if !idPattern.MatchString(string(id)) {
		return fault.New(fault.Invalid, "fabric.name", "fabric name %q is not a DNS label", string(id)).
			WithHint("use 1 to 63 lower-case letters, digits and dashes, beginning and ending with a letter or digit")
	}
	return nil
}
