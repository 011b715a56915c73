// Package kube reads and writes one fabric's Kubernetes API.
//
// It speaks the words of fabric and plan and keeps every client library inside.
// What it promises:
//
//   - Not read is not empty. Observe says per kind whether all of it was read; a
//     missing kind, a refused read, a broken answer and an empty list are four
//     different answers.
//   - One outcome per change, whatever happens. Apply sends nothing twice whose
//     first outcome it does not know.
//   - What changed since it was read is not overwritten. Updates and deletes carry
//     the resource version of the object that the decision was made on.
//   - Predict is the server's own merge code run locally. "Unchanged" is certain;
//     anything else is confirmed by the server before it is believed.
//   - Credentials appear in no error.
package kube
