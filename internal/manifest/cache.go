package manifest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	kjson "sigs.k8s.io/json"

	"github.com/hedgesync/hedgesync/internal/fabric"
)

// Cache keeps what Read decoded, by the hash of the text and of the limits it was
// decoded under. It may forget anything at any time; what it returns is checked.
type Cache interface {
	Get(hash fabric.Hash) ([]byte, bool)
	Put(hash fabric.Hash, value []byte)
}

// cacheFormat changes whenever what decode yields for a text does.
const cacheFormat = "hedgesync manifest 1"

// remembered is one document in the cache.
type remembered struct {
	Hash  fabric.Hash `json:"hash"`
	Value any         `json:"value"`
}

// decodeCached decodes documents, or takes all of them from the cache. Only sets
// without a flaw are kept: the others say more than their values.
func decodeCached(c Cache, docs []document, l Limits) []decoded {
	if c == nil {
		return decodeAll(docs, l)
	}
	hash := hashOf(docs, l)
	if value, ok := c.Get(hash); ok {
		if found, ok := recall(value, len(docs)); ok {
			return found
		}
	}
	found := decodeAll(docs, l)
	if value, ok := remember(found); ok {
		c.Put(hash, value)
	}
	return found
}

// hashOf does not look at file names: a moved file decodes to the same values.
func hashOf(docs []document, l Limits) fabric.Hash {
	h := sha256.New()
	fmt.Fprintf(h, "%s %+v\n", cacheFormat, l)
	for _, d := range docs {
		fmt.Fprintf(h, "%d\n", len(d.text))
		h.Write(d.text)
	}
	return fabric.Hash(hex.EncodeToString(h.Sum(nil)))
}

func remember(found []decoded) ([]byte, bool) {
	list := make([]remembered, len(found))
	for i, d := range found {
		if d.unread != nil || len(d.flaws) > 0 {
			return nil, false
		}
		list[i] = remembered{Hash: d.hash, Value: d.value}
	}
	text, err := json.Marshal(list)
	if err != nil {
		return nil, false
	}
	sum := sha256.Sum256(text)
	return append(sum[:], text...), true
}

// recall is the inverse of remember; anything it did not write is not recalled.
func recall(value []byte, documents int) ([]decoded, bool) {
	if len(value) < sha256.Size {
		return nil, false
	}
	sum := sha256.Sum256(value[sha256.Size:])
	if !bytes.Equal(sum[:], value[:sha256.Size]) {
		return nil, false
	}
	var list []remembered
	if err := kjson.UnmarshalCaseSensitivePreserveInts(value[sha256.Size:], &list); err != nil || len(list) != documents {
		return nil, false
	}
	found := make([]decoded, len(list))
	for i, r := range list {
		found[i] = decoded{value: r.Value, hash: r.Hash}
	}
	return found, true
}
