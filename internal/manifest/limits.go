package manifest

import "cmp"

// Limits bound what one Read takes in. A zero field takes its default.
type Limits struct {
	FileBytes  int64 // bytes of one file; 16 MiB
	TotalBytes int64 // bytes of all files, and bytes that aliases add; 64 MiB
	Files      int   // files; 50,000
	Documents  int   // documents in all files; 50,000
	Depth      int   // levels of nesting; 100
	Expanded   int   // values that aliases add, in all documents; 500,000
}

func (l Limits) withDefaults() Limits {
	return Limits{
		FileBytes:  cmp.Or(l.FileBytes, 16<<20),
		TotalBytes: cmp.Or(l.TotalBytes, 64<<20),
		Files:      cmp.Or(l.Files, 50_000),
		Documents:  cmp.Or(l.Documents, 50_000),
		Depth:      cmp.Or(l.Depth, 100),
		Expanded:   cmp.Or(l.Expanded, 500_000),
	}
}
