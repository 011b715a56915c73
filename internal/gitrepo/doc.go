// Package gitrepo reads fabrics' wanted state out of Git: it keeps one bare
// repository per remote and shows a commit of it as an fs.FS.
//
// Promises:
//   - Nothing is executed: no git binary, no hooks, no filters, no LFS, no submodules,
//     no configuration of the user or the machine.
//   - A commit that Fetch returned is complete on disk, whatever is killed when. A
//     cache that cannot be read is moved aside and cloned anew.
//   - An error names the stage that failed (Stage) in its code, and never holds a
//     credential. Credentials go to the host the operator named and nowhere else.
//   - Missing is not empty: a directory, branch or commit that is not there is a
//     fault.Missing, never an empty fs.FS.
//
// Histories are fetched whole, of the one branch asked for: a shallow clone could
// not say whether the branch was rewound, nor give an earlier commit back.
package gitrepo
