package store

const writerEnv = "HEDGESYNC_TEST_WRITER"

func writeUntilKilled(string) {}
