package syncer

// For tests of what is recognised after a crash.
var (
	Unlike   = unlike
	AsWanted = asWanted
)
