package wiringtest

import (
	"bytes"
	"fmt"
	"slices"

	"sigs.k8s.io/yaml"
)

// YAML returns objects as documents of one file.
func YAML(objects []map[string]any) []byte {
	var text bytes.Buffer
	for i, o := range objects {
		if i > 0 {
			text.WriteString("---\n")
		}
		document, err := yaml.Marshal(o)
		if err != nil {
			panic(fmt.Sprintf("wiringtest: an object that is not YAML: %v", err))
		}
		text.Write(document)
	}
	return text.Bytes()
}

// Files returns objects as files of perFile documents each, by path.
func Files(objects []map[string]any, perFile int) map[string][]byte {
	files := map[string][]byte{}
	n := 0
	for chunk := range slices.Chunk(objects, perFile) {
		files[fmt.Sprintf("fabric/%05d.yaml", n)] = YAML(chunk)
		n++
	}
	return files
}
