package manifest

import (
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/hedgesync/hedgesync/internal/fabric"
)

// flaw is something wrong inside a document, at a JSON pointer. place is where it
// is written, if it is not where the pointer leads.
type flaw struct {
	pointer string
	rule    string
	message string
	hint    string
	place   fabric.Origin
}

// converter turns what the YAML library decodes into the tree that the API
// server's JSON decoder would yield for it, and collects what JSON cannot say.
type converter struct {
	depth int // levels that are allowed
	flaws []flaw
}

// maxFlaws is how many flaws of one document, or of the labels of one object, are
// told. A file made of nothing else would take hours to place.
const maxFlaws = 100

func (c *converter) fail(pointer, rule, message, hint string) {
	if len(c.flaws) > maxFlaws {
		return
	}
	c.flaws = append(c.flaws, flaw{pointer: pointer, rule: rule, message: message, hint: hint})
}

// value converts v, which lies level levels deep at the end of a trail. A value with
// a flaw converts to nil; its document is not used.
func (c *converter) value(v any, at *trail, level int) any {
	if level > c.depth {
		c.fail(at.pointer(), "limit.depth", fmt.Sprintf("nested more than %d levels deep", c.depth), "")
		return nil
	}
	switch v := v.(type) {
	case map[any]any:
		return c.mapping(v, at, level)
	case map[string]any:
		object := make(map[string]any, len(v))
		for key, item := range v {
			object[key] = c.value(item, &trail{parent: at, key: key, keyed: true}, level+1)
		}
		return object
	case []any:
		list := make([]any, len(v))
		for i, item := range v {
			list[i] = c.value(item, &trail{parent: at, index: i}, level+1)
		}
		return list
	}
	return c.scalar(v, at)
}

func (c *converter) mapping(m map[any]any, at *trail, level int) map[string]any {
	object := make(map[string]any, len(m))
	for k, item := range m {
		key, ok := keyText(k)
		if !ok {
			c.fail(at.pointer(), "yaml.key", fmt.Sprintf("key %v is neither text, number nor boolean", k), "quote the key")
			continue
		}
		here := &trail{parent: at, key: key, keyed: true}
		if _, twice := object[key]; twice {
			c.fail(here.pointer(), "yaml.duplicate-key", fmt.Sprintf("key %q appears twice, spelled differently", key), "keep one of them")
		}
		if !utf8.ValidString(key) {
			c.fail(at.pointer(), "yaml.binary", "a key holds bytes that are not text", "")
		}
		object[key] = c.value(item, here, level+1)
	}
	return object
}

// scalar converts by the rules of a round trip through JSON text: whole numbers
// that fit are int64, however they were written, and all others float64.
func (c *converter) scalar(v any, at *trail) any {
	switch v := v.(type) {
	case nil, bool, int64:
		return v
	case string:
		if !utf8.ValidString(v) {
			c.fail(at.pointer(), "yaml.binary", "binary data that is not text", "write the encoded text as a plain string, without !!binary")
			return nil
		}
		return v
	case int:
		return int64(v)
	case uint64:
		return jsonNumber(float64(v), strconv.FormatUint(v, 10))
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			c.fail(at.pointer(), "yaml.number", "JSON has no infinity and no NaN", "")
			return nil
		}
		return jsonFloat(v)
	}
	c.fail(at.pointer(), "yaml.type", fmt.Sprintf("a value of type %T has no place in an object", v), "quote the value")
	return nil
}

// jsonFloat returns what a JSON decoder that keeps integers makes of f. The JSON
// text of a float below 1e21 has no exponent, so a whole one reads as an integer.
func jsonFloat(f float64) any {
	if math.Trunc(f) != f || math.Abs(f) >= 1e21 {
		return f
	}
	return jsonNumber(f, strconv.FormatFloat(f, 'f', -1, 64))
}

func jsonNumber(f float64, text string) any {
	if i, err := strconv.ParseInt(text, 10, 64); err == nil {
		return i
	}
	return f
}

// keyText spells a mapping key the way sigs.k8s.io/yaml does.
func keyText(k any) (string, bool) {
	switch k := k.(type) {
	case string:
		return k, true
	case int:
		return strconv.Itoa(k), true
	case int64:
		return strconv.FormatInt(k, 10), true
	case bool:
		return strconv.FormatBool(k), true
	case float64:
		switch text := strconv.FormatFloat(k, 'g', -1, 32); text {
		case "+Inf":
			return ".inf", true
		case "-Inf":
			return "-.inf", true
		case "NaN":
			return ".nan", true
		default:
			return text, true
		}
	}
	return "", false
}
