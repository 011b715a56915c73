// Package fabrics holds the sample fabrics of the sandbox as a repository has
// them: one folder per fabric.
package fabrics

import (
	"embed"
	"io/fs"
)

//go:embed content
var content embed.FS

// Names returns the fabrics, sorted.
func Names() []string { return []string{"campus", "lab"} }

// Repository returns the files of the repository that holds all of them.
func Repository() fs.FS {
	files, err := fs.Sub(content, "content")
	if err != nil {
		panic(err) // the folder is part of the program
	}
	return files
}
