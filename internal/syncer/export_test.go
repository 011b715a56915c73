package syncer

// Unlike is for tests of what is recognised after a crash.
var Unlike = unlike
